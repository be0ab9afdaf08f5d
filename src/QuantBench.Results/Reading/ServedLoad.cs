using System.Collections.Immutable;
using System.IO.Compression;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Reading;

/// <summary>A request of a load. Seconds count from the load's start.</summary>
/// <param name="Intended">Second at which it was meant to be sent.</param>
/// <param name="FirstToken">Milliseconds from then to its first token; null when none came.</param>
/// <param name="Fault">How it failed; null = it was answered.</param>
public readonly record struct ServedRequest(double Intended, double? FirstToken, string? Fault);

/// <summary>One load of a server, request by request, as a cell left it beside its result.</summary>
/// <param name="From">Second at which measuring began.</param>
/// <param name="To">Second at which it ended.</param>
/// <param name="Stalls">Spans in seconds in which the load generator stood still.</param>
/// <param name="Requests">The requests.</param>
public sealed record ServedLoad(
    double From, double To, ImmutableArray<(double From, double To)> Stalls, ImmutableArray<ServedRequest> Requests)
{
    // A run may come from elsewhere, and no file of it fills the memory: some 200,000 requests of 16 tokens fit.
    private const long MostBytes = 64 << 20;
    private const int LongestLine = 1 << 20;

    /// <summary>Spans in seconds in which something else disturbed the machine; none in files of earlier builds.</summary>
    public ImmutableArray<(double From, double To)> Disturbed { get; init; } = [];

    /// <summary>The loads of a cell in the order they were made: launches, and a search's probes. Of a file that is broken or too long,
    /// what comes before that.</summary>
    /// <param name="runFolder">The run's folder.</param>
    /// <param name="cell">The cell.</param>
    /// <returns>None when the cell left no such file, or it can't be read.</returns>
    public static ImmutableArray<ServedLoad> Read(string runFolder, CellId cell)
    {
        string folder = Path.Combine(runFolder, RunFolder.FilesFolder, cell.Value);
        var loads = new List<(ServedLoad Load, List<ServedRequest> Requests)>();
        try
        {
            if (!Directory.Exists(folder)) return [];
            foreach (string file in Directory.EnumerateFiles(folder, "requests-*.jsonl.gz").OrderBy(f => f.Length)
                .ThenBy(f => f, StringComparer.Ordinal))
                ReadFile(file, loads);
        }
        catch (Exception e) when (DiskFault.Is(e)
            || e is InvalidDataException or JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            // What came before it counts.
        }

        return [.. loads.Select(l => l.Load with { Requests = [.. l.Requests] })];
    }

    private static void ReadFile(string file, List<(ServedLoad Load, List<ServedRequest> Requests)> loads)
    {
        using var stream = new GZipStream(File.OpenRead(file), CompressionMode.Decompress);
        byte[] buffer = new byte[LongestLine];
        int filled = 0;
        long all = 0;
        for (int read; filled < buffer.Length && all < MostBytes && (read = stream.Read(buffer, filled, buffer.Length - filled)) > 0;)
        {
            (filled, all) = (filled + read, all + read);
            int start = 0;
            for (int length; (length = buffer.AsSpan(start, filled - start).IndexOf((byte)'\n')) >= 0; start += length + 1)
                ReadLine(buffer.AsMemory(start, length), loads);
            buffer.AsSpan(start, filled - start).CopyTo(buffer);
            filled -= start;
        }
    }

    private static void ReadLine(ReadOnlyMemory<byte> line, List<(ServedLoad Load, List<ServedRequest> Requests)> loads)
    {
        using JsonDocument json = JsonDocument.Parse(line);
        JsonElement row = json.RootElement;
        if (row.TryGetProperty("from_us"u8, out JsonElement from))
        {
            loads.Add((new ServedLoad(Seconds(from), Seconds(row.GetProperty("to_us"u8)), Spans(row.GetProperty("stalls_us"u8)), [])
            {
                Disturbed = row.TryGetProperty("disturbed_us"u8, out JsonElement disturbed) ? Spans(disturbed) : [],
            }, []));
        }
        else if (loads.Count > 0)
        {
            double intended = Seconds(row.GetProperty("intended"u8));
            JsonElement parts = row.GetProperty("parts"u8);
            loads[^1].Requests.Add(new ServedRequest(intended,
                parts.GetArrayLength() > 0 ? (Seconds(parts[0]) - intended) * 1000 : null,
                row.TryGetProperty("fault"u8, out JsonElement fault) ? fault.GetString() : null));
        }
    }

    private static ImmutableArray<(double From, double To)> Spans(JsonElement ends) =>
        [.. ends.EnumerateArray().Select(Seconds).Chunk(2).Where(s => s.Length == 2).Select(s => (s[0], s[1]))];

    private static double Seconds(JsonElement microseconds) => microseconds.GetInt64() / 1e6;
}
