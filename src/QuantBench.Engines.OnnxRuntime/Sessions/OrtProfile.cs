using System.Collections.Immutable;
using System.Text.Json;

namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>Time of an operator in a profile.</summary>
/// <param name="Operator">E.g. <c>MatMulNBits</c>.</param>
/// <param name="Provider">Execution provider that ran it.</param>
/// <param name="Microseconds">Sum over all its kernels' runs.</param>
/// <param name="Runs">Number of runs.</param>
internal readonly record struct ProfiledOperator(string Operator, string Provider, long Microseconds, long Runs);

/// <summary>What ONNX Runtime's profile says of a session, by operator, slowest first.</summary>
/// <param name="Operators">The operators.</param>
internal sealed record OrtProfile(ImmutableArray<ProfiledOperator> Operators)
{
    private const int Named = 5;
    private const string KernelEnd = "_kernel_time";

    /// <summary>Reads a profile.</summary>
    /// <param name="path">The file that ONNX Runtime wrote: an array of events, one a line.</param>
    public static OrtProfile Read(string path) => Parse(File.ReadLines(path));

    /// <summary>Reads a profile's lines; lines that aren't whole events are passed over, as the last one of a process that died.</summary>
    /// <param name="lines">The lines.</param>
    public static OrtProfile Parse(IEnumerable<string> lines)
    {
        var sums = new Dictionary<(string Operator, string Provider), (long Microseconds, long Runs)>();
        foreach (string line in lines)
        {
            string text = line.Trim().TrimEnd(',');
            if (text.Length < 2 || text[0] != '{') continue;
            try
            {
                using JsonDocument document = JsonDocument.Parse(text);
                Add(document.RootElement, sums);
            }
            catch (JsonException)
            {
                // Half a line.
            }
        }

        return new OrtProfile([.. sums
            .Select(s => new ProfiledOperator(s.Key.Operator, s.Key.Provider, s.Value.Microseconds, s.Value.Runs))
            .OrderByDescending(o => o.Microseconds).ThenBy(o => o.Operator, StringComparer.Ordinal)]);
    }

    /// <summary>The slowest operators in a sentence.</summary>
    public string Summary()
    {
        long total = Operators.Sum(o => o.Microseconds);
        if (total == 0) return "the profile holds no operator";
        IEnumerable<string> parts = Operators.Take(Named)
            .Select(o => $"{o.Operator} {100.0 * o.Microseconds / total:0.0} % ({o.Microseconds / 1000.0:0.0} ms in {o.Runs} runs)");
        return $"slowest operators: {string.Join(", ", parts)}";
    }

    private static void Add(JsonElement item, Dictionary<(string, string), (long, long)> sums)
    {
        if (Text(item, "cat") != "Node" || Text(item, "name")?.EndsWith(KernelEnd, StringComparison.Ordinal) != true) return;
        if (!item.TryGetProperty("dur", out JsonElement duration) || !duration.TryGetInt64(out long microseconds)) return;
        if (!item.TryGetProperty("args", out JsonElement args) || Text(args, "op_name") is not { } name) return;
        (string, string) key = (name, Text(args, "provider") ?? "");
        (long sum, long runs) = sums.GetValueOrDefault(key);
        sums[key] = (sum + microseconds, runs + 1);
    }

    private static string? Text(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString() : null;
}
