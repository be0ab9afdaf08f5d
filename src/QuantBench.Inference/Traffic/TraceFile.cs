using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using QuantBench.Core.Errors;

namespace QuantBench.Inference.Traffic;

/// <summary>
/// Reads traces of requests: JSON lines with <c>timestamp</c> (milliseconds), <c>input_length</c> and <c>output_length</c>, as Mooncake's
/// are; or CSV with a head and <c>TIMESTAMP,ContextTokens,GeneratedTokens</c>, as Azure's are (a date and time, or seconds).
/// </summary>
public static class TraceFile
{
    private const int MostEntries = 2_000_000;

    /// <summary>Reads a trace.</summary>
    /// <param name="path">The file.</param>
    /// <returns>In order of time, the first one at 0; at least one.</returns>
    /// <exception cref="RequestException">It isn't there, or is none; the message names the line.</exception>
    public static ImmutableArray<TraceEntry> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw new RequestException($"There is no trace at {path}.", "Relative paths start where the command was started.");
        var entries = new List<TraceEntry>();
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            bool json = line.TrimStart().StartsWith('{');
            if (!json && number == 1) continue; // the head
            if ((json ? Json(line) : Csv(line)) is not { Seconds: >= 0, PromptTokens: >= 1, OutputTokens: >= 1 } entry)
            {
                throw new RequestException($"{path}:{number}: this is no request of a trace.",
                    "Write JSON lines with timestamp (ms), input_length and output_length, or CSV with TIMESTAMP,ContextTokens,"
                        + "GeneratedTokens.");
            }

            if (entries.Count >= MostEntries) throw new RequestException($"{path}: a trace of more than {MostEntries} requests.");
            entries.Add(entry);
        }

        if (entries.Count == 0) throw new RequestException($"{path}: the trace has no requests.");
        double first = entries.Min(e => e.Seconds);
        return [.. entries.Select(e => e with { Seconds = e.Seconds - first }).OrderBy(e => e.Seconds)];
    }

    private static TraceEntry? Json(string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            return new TraceEntry(root.GetProperty("timestamp").GetDouble() / 1000, root.GetProperty("input_length").GetInt32(),
                root.GetProperty("output_length").GetInt32());
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static TraceEntry? Csv(string line)
    {
        string[] parts = line.Split(',');
        if (parts.Length < 3 || !int.TryParse(parts[1], CultureInfo.InvariantCulture, out int prompt)
            || !int.TryParse(parts[2], CultureInfo.InvariantCulture, out int output)) return null;
        if (double.TryParse(parts[0], NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) && double.IsFinite(seconds))
            return new TraceEntry(seconds, prompt, output);
        return DateTimeOffset.TryParse(parts[0], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at)
            ? new TraceEntry((at - DateTimeOffset.UnixEpoch).TotalSeconds, prompt, output) : null;
    }
}
