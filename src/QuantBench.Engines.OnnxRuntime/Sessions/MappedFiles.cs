using System.Globalization;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>Reads how much of mapped files is in memory, from the text of Linux' <c>/proc/self/smaps</c>.</summary>
internal static class MappedFiles
{
    /// <summary>The kernel's list of this process's mappings; absent outside Linux.</summary>
    public const string ProcessMaps = "/proc/self/smaps";

    /// <summary>Resident bytes of all mappings of files in a directory.</summary>
    /// <param name="lines">Lines of smaps: one per mapping, ending in its path, followed by its figures.</param>
    /// <param name="directory">Absolute path.</param>
    public static long ResidentBytes(IEnumerable<string> lines, string directory)
    {
        string prefix = directory.TrimEnd('/') + "/";
        bool inside = false;
        long bytes = 0;
        foreach (string line in lines)
        {
            // "7f5c…-7f5c… r--s 00000000 00:2f 123   /dir/model.onnx.data" heads a mapping; "Rss:   1234 kB" is one of its figures.
            int slash = line.IndexOf('/', StringComparison.Ordinal);
            if (line.Length > 0 && char.IsAsciiHexDigitLower(line[0]) && line.AsSpan(0, Math.Min(line.Length, 20)).Contains('-'))
            {
                inside = slash > 0 && line.AsSpan(slash).StartsWith(prefix, StringComparison.Ordinal);
            }
            else if (inside && line.StartsWith("Rss:", StringComparison.Ordinal))
            {
                string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (parts.Length >= 2 && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long kilobytes))
                    bytes += kilobytes * 1024;
            }
        }

        return bytes;
    }
}
