using System.Globalization;
using System.Text.RegularExpressions;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>The log lines of one native call: its words when it fails, and the buffer sizes that no C function tells.</summary>
internal sealed partial class NativeLogCapture : IDisposable
{
    private const int ShownLines = 4;
    private readonly List<string> _lines = [];
    private readonly IDisposable _listening;

    public NativeLogCapture(NativeLog log) => _listening = log.Listen(line =>
    {
        lock (_lines) _lines.Add(line);
    });

    /// <summary>The lines so far.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines) return [.. _lines];
        }
    }

    /// <summary>What a user should read of them: the last errors, or the last lines when there are no errors.</summary>
    public string Words
    {
        get
        {
            IReadOnlyList<string> lines = Lines;
            string[] errors = [.. lines.Where(l => l.StartsWith("E ", StringComparison.Ordinal)).TakeLast(ShownLines)];
            string[] shown = errors.Length > 0 ? errors : [.. lines.TakeLast(ShownLines)];
            return shown.Length == 0 ? "(it said nothing)" : string.Join("; ", shown.Select(l => (l is [_, ' ', ..] ? l[2..] : l).Trim()));
        }
    }

    /// <summary>
    /// Buffers of one kind by the name of their buffer type (<c>CPU_Mapped</c>, <c>CPU_REPACK</c>, <c>CUDA0</c>), in bytes. llama.cpp's C
    /// API has no memory breakdown (only a C++ one), so they are read from lines such as <c>… CPU_Mapped model buffer size =   22.15
    /// MiB</c>; exact to 0.01 MiB.
    /// </summary>
    /// <param name="kind"><c>model</c>, <c>KV</c>, <c>RS</c>, <c>compute</c> or <c>output</c>.</param>
    public IReadOnlyList<(string BufferType, long Bytes)> Buffers(string kind)
    {
        var found = new List<(string, long)>();
        foreach (string line in Lines)
        {
            Match match = BufferLine().Match(line);
            if (!match.Success || match.Groups["kind"].Value != kind) continue;
            double mebibytes = double.Parse(match.Groups["size"].Value, CultureInfo.InvariantCulture);
            found.Add((match.Groups["type"].Value, (long)Math.Round(mebibytes * 1024 * 1024)));
        }

        return found;
    }

    /// <summary>Bytes of all KV caches and running states, by the line that sums each up; unlike their buffers it tells them in a dry run,
    /// too.</summary>
    public long CacheBytes
    {
        get
        {
            double mebibytes = 0;
            foreach (string line in Lines)
            {
                if (CacheLine().Match(line) is { Success: true } match)
                    mebibytes += double.Parse(match.Groups["size"].Value, CultureInfo.InvariantCulture);
            }

            return (long)Math.Round(mebibytes * 1024 * 1024);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _listening.Dispose();

    [GeneratedRegex(@"(?<type>\S+)\s+(?<kind>model|KV|RS|compute|output) buffer size =\s*(?<size>[0-9.]+) MiB",
        RegexOptions.CultureInvariant)]
    private static partial Regex BufferLine();

    [GeneratedRegex(@" size =\s*(?<size>[0-9.]+) MiB \(\s*[0-9]+ cells", RegexOptions.CultureInvariant)]
    private static partial Regex CacheLine();
}
