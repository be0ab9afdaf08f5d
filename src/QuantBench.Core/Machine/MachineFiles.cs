using QuantBench.Core.Errors;

namespace QuantBench.Core.Machine;

/// <summary>Small text files of the OS below a root, so that tests can use captured ones. What can't be read is null.</summary>
/// <param name="root">Root directory; <c>/</c> on a real machine.</param>
internal sealed class MachineFiles(string root)
{
    private const int LongestText = 1 << 20;
    private const int FirstBuffer = 4 << 10;

    /// <summary>Text of a file, at most a mebibyte of it; null when it can't be read.</summary>
    /// <param name="path">Path below the root, without a leading slash.</param>
    public string? Text(string path)
    {
        try
        {
            using var reader = new StreamReader(Path.Combine(root, path.TrimStart('/')));
            // Beside measurements, too: a buffer for the longest would be cleared each time.
            char[] buffer = new char[FirstBuffer];
            int length = 0;
            int read;
            while (length < LongestText && (read = reader.Read(buffer, length, buffer.Length - length)) > 0)
            {
                length += read;
                if (length == buffer.Length && length < LongestText) Array.Resize(ref buffer, 2 * length);
            }

            return new string(buffer, 0, length);
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
