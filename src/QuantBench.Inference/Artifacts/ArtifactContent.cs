using System.Security.Cryptography;
using System.Text;

namespace QuantBench.Inference.Artifacts;

/// <summary>An artifact's bytes, be it one file or a directory of files.</summary>
/// <param name="Sha256">64 lower-case hex digits: of a file, its content's; of a directory, that of the lines <c>SHA-256 relative-path</c>
/// in ordinal order of the paths.</param>
/// <param name="Bytes">Bytes of all its files.</param>
public sealed record ArtifactContent(string Sha256, long Bytes)
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Whether a file or directory is there.</summary>
    /// <param name="path">Its path.</param>
    public static bool Exists(string path)
    {
        // A link is there even where what it leads to is gone.
        string real = SourceLink.Is(path) ? new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path : path;
        return File.Exists(real) || Directory.Exists(real);
    }

    /// <summary>Absolute paths of the files, in ordinal order of their relative paths; empty when nothing is there.</summary>
    /// <param name="path">A file or directory.</param>
    public static IReadOnlyList<string> Files(string path)
    {
        if (!Directory.Exists(path)) return File.Exists(path) ? [path] : [];
        return [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
            .OrderBy(f => RelativeName(path, f), StringComparer.Ordinal)];
    }

    /// <summary>Bytes of all files, without reading them.</summary>
    /// <param name="path">A file or directory.</param>
    public static long SizeOf(string path) => Files(path).Sum(f => SourceLink.Is(f) ? LengthOfTarget(f) : new FileInfo(f).Length);

    private static long LengthOfTarget(string link) =>
        new FileInfo(link).ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true } target ? target.Length : 0;

    /// <summary>Reads every byte.</summary>
    /// <param name="path">A file or directory that exists.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="IOException">A file can't be read.</exception>
    public static ArtifactContent Read(string path, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(path)) return ReadFile(path, cancellationToken);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long bytes = 0;
        foreach (string file in Files(path))
        {
            ArtifactContent content = ReadFile(file, cancellationToken);
            hash.AppendData(Encoding.UTF8.GetBytes($"{content.Sha256} {RelativeName(path, file)}\n"));
            bytes += content.Bytes;
        }

        return new ArtifactContent(Convert.ToHexStringLower(hash.GetHashAndReset()), bytes);
    }

    private static ArtifactContent ReadFile(string path, CancellationToken cancellationToken)
    {
        using FileStream stream = File.OpenRead(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] piece = new byte[PieceBytes];
        int read;
        while ((read = stream.Read(piece)) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(piece.AsSpan(0, read));
        }

        return new ArtifactContent(Convert.ToHexStringLower(hash.GetHashAndReset()), stream.Length);
    }

    private static string RelativeName(string directory, string file) => Path.GetRelativePath(directory, file).Replace('\\', '/');
}
