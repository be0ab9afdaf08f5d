using QuantBench.Core.Errors;

namespace QuantBench.Core.Machine;

/// <summary>Small text files of the OS below a root, so that tests can use captured ones. What can't be read is null.</summary>
/// <param name="root">Root directory; <c>/</c> on a real machine.</param>
internal sealed class MachineFiles(string root)
{
    private const int LongestText = 1 << 20;

    /// <summary>Text of a file, at most a mebibyte of it; null when it can't be read.</summary>
    /// <param name="path">Path below the root, without a leading slash.</param>
    public string? Text(string path)
    {
        try
        {
            using var reader = new StreamReader(Path.Combine(root, path.TrimStart('/')));
            char[] buffer = new char[LongestText];
            return new string(buffer, 0, reader.ReadBlock(buffer, 0, buffer.Length));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException || DiskFault.Is(e))
        {
            return null; // absent on this OS or hidden in this container
        }
    }

    /// <summary>First line of a file, trimmed; null when it is empty or can't be read.</summary>
    public string? Line(string path) => Text(path)?.Split('\n')[0].Trim() is { Length: > 0 } line ? line : null;

    /// <summary>Whole number in a file; null when there is none.</summary>
    public long? Number(string path) =>
        long.TryParse(Line(path), System.Globalization.CultureInfo.InvariantCulture, out long value) ? value : null;

    /// <summary>Names in a directory that match a pattern, sorted; empty when it can't be read.</summary>
    public string[] Names(string directory, string pattern)
    {
        try
        {
            return
            [
                .. Directory.EnumerateFileSystemEntries(Path.Combine(root, directory), pattern)
                    .Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return [];
        }
    }

    /// <summary>Whether a file or directory exists.</summary>
    public bool Exists(string path) => Path.Exists(Path.Combine(root, path));
}
