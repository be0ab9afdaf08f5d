using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Core;
using QuantBench.Core.Metrics;

namespace QuantBench.SampleData;

/// <summary>A run with one to three places changed: members removed, added or given values that nobody would write, bytes
/// flipped.</summary>
internal static class MutatedRun
{
    // Texts of JSON that stand where another was.
    private static readonly string[] s_values =
    [
        "null", "true", "0", "-1", "1", "1e308", "-1e308", "1e400", "1e-320", "9223372036854775807", "-9223372036854775808", "2147483648",
        "\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "\"\"", "\"\\u0000\"", "\"\\u001b[2J\"", "\"\\ud800\"", "\"..\"",
        "\"results.db-journal\"",
        "\"9999-12-31T23:59:59.9999999+00:00\"", "\"0001-01-01T00:00:00+14:00\"", "\"1969-12-31T00:00:00Z\"", "[]", "{}", "[null]",
        "[[[[]]]]", "{\"a\":null}", "[1e308,-1e308]", "[0,1]", "[1,0]", "\"gguf:Q9_9\"", "\"a/b/c\"", "\"ok\"", "\"failed\"", "3.5",
    ];

    private static readonly string[] s_original = Original();

    /// <summary>Texts of a run: its <c>run.json</c>, then a line per cell.</summary>
    public static string[] Make(Random random)
    {
        string[] texts = [.. s_original];
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(texts.Length);
            texts[at] = random.Next(4) == 0 ? FlipByte(texts[at], random) : Mutate(texts[at], random);
        }

        return texts;
    }

    private static string[] Original()
    {
        var sample = SampleRun.Make();
        return
        [
            JsonSerializer.Serialize(sample.Info, Json.Line),
            .. sample.Cells.Where((_, i) => i is 0 or 5 or 6 or 7 || i == sample.Cells.Length - 1)
                .Select(c => JsonSerializer.Serialize(
                    c with { Metrics = [.. c.Metrics.Select(Launched)] }, Json.Line)),
        ];

        // Few samples, and all that a timing may have.
        static Measurement Launched(Measurement m) => m.Samples is not { Length: >= 3 } samples ? m : m with
        {
            Samples = samples[..3],
            Timing = new TimingFacts
            {
                Mark = FigureMark.About,
                LaunchValues = samples[..2],
                LaunchSamples = [1, 2],
                DisturbedSamples = [2],
            },
        };
    }

    private static string Mutate(string text, Random random)
    {
        if (!TryParse(text, out JsonNode? root) || text.Contains("\\u", StringComparison.Ordinal)) return text;
        List<JsonNode> places = [];
        Collect(root, places);
        JsonNode parent = places[random.Next(places.Count)];
        const string here = "(here)"; // raw text, since a tree holds none that isn't well-formed
        JsonNode value = JsonValue.Create(here);
        int what = random.Next(8);
        if (parent is JsonObject map && map.Count > 0)
        {
            string key = map.ElementAt(random.Next(map.Count)).Key;
            if (what == 0) map.Remove(key);
            else if (what == 1) map[new string('k', random.Next(1, 6000))] = value;
            else map[key] = value;
        }
        else if (parent is JsonArray list)
        {
            if (what == 0 && list.Count > 0) list.RemoveAt(random.Next(list.Count));
            else if (list.Count == 0 || what == 1) list.Add(value);
            else list[random.Next(list.Count)] = value;
        }

        return root.ToJsonString(Json.Line).Replace($"\"{here}\"", s_values[random.Next(s_values.Length)], StringComparison.Ordinal);
    }

    private static bool TryParse(string text, [NotNullWhen(true)] out JsonNode? node)
    {
        try
        {
            node = JsonNode.Parse(text);
            return node is not null;
        }
        catch (Exception e) when (e is JsonException or ArgumentException) // a key twice
        {
            node = null;
            return false;
        }
    }

    private static void Collect(JsonNode? node, List<JsonNode> into)
    {
        if (node is JsonObject map)
        {
            into.Add(map);
            foreach ((_, JsonNode? child) in map) Collect(child, into);
        }
        else if (node is JsonArray list)
        {
            into.Add(list);
            foreach (JsonNode? child in list) Collect(child, into);
        }
    }

    private static string FlipByte(string text, Random random)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
        return Encoding.UTF8.GetString(bytes);
    }
}
