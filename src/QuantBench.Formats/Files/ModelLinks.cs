using QuantBench.Core.Errors;

namespace QuantBench.Formats.Files;

/// <summary>
/// Symbolic links among a model's files. What a link points at is read as if it lay there, so it must belong to the model: it lies below
/// the model's directory, or among the blobs of the hub cache that the directory is a snapshot of. The path a user gives is followed
/// wherever it goes.
/// </summary>
public static class ModelLinks
{
    private const string Snapshots = "snapshots";
    private const string Blobs = "blobs";

    /// <summary>Refuses a file that lies elsewhere.</summary>
    /// <param name="directory">The model's directory.</param>
    /// <param name="file">A file in it; may be missing.</param>
    /// <exception cref="ModelFormatException">A link leads out of the model.</exception>
    public static void Check(string directory, string file)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(file);
        string root = Real(directory.Length == 0 ? "." : directory), real = Real(file);
        if (IsBelow(root, real) || (BlobsOf(root) is { } blobs && IsBelow(blobs, real))) return;
        throw new ModelFormatException(file, null, $"this is a link to '{real}', outside of the model's directory.",
            "Copy the file into the model's directory, or link the whole directory.");
    }

    /// <summary>A snapshot of a hub cache is <c>models--x/snapshots/REVISION</c>; its files are links to <c>models--x/blobs</c>.</summary>
    private static string? BlobsOf(string root)
    {
        for (string? at = root; Path.GetDirectoryName(at) is { } parent; at = parent)
        {
            if (Path.GetFileName(parent) == Snapshots && Path.GetDirectoryName(parent) is { } repository)
                return Path.Combine(repository, Blobs);
        }

        return null;
    }

    private static bool IsBelow(string directory, string path) =>
        path.StartsWith(directory.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>The path without links, those of its directories included.</summary>
    private static string Real(string path)
    {
        string full = Path.GetFullPath(path);
        string? parent = Path.GetDirectoryName(full);
        if (parent is null) return full;
        string plain = Path.Combine(Real(parent), Path.GetFileName(full));
        try
        {
            FileSystemInfo info = Directory.Exists(plain) ? new DirectoryInfo(plain) : new FileInfo(plain);
            return info.LinkTarget is null ? plain : Real(info.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? plain);
        }
        catch (IOException e)
        {
            throw new ModelFormatException(path, null, $"this link can't be followed: {e.Message}", inner: e);
        }
    }
}
