using System.Text;
using System.Text.Json;
using QuantBench.Core.Errors;

namespace QuantBench.Runner.Datasets;

/// <summary>Texts as JSON lines: one object per line, whose <c>text</c> counts.</summary>
internal static class JsonLinesText
{
    private static readonly string[] s_endings = [".jsonl", ".ndjson"];
    private static readonly Encoding s_strictUtf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

    /// <summary>Whether a file is one: by its name, or, called <c>.json</c> or nothing known, by its first line.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="bytes">Its content, without a byte-order mark.</param>
    public static bool Is(string path, ReadOnlySpan<byte> bytes)
    {
        string ending = Path.GetExtension(path);
        if (s_endings.Contains(ending, StringComparer.OrdinalIgnoreCase)) return true;
        int start = bytes.IndexOfAnyExcept(" \t\r\n"u8);
        if (start < 0 || bytes[start] != (byte)'{') return false;
        ReadOnlySpan<byte> rest = bytes[start..];
        int end = rest.IndexOf((byte)'\n');
        try
        {
            var reader = new Utf8JsonReader(end < 0 ? rest : rest[..end]);
            return JsonElement.TryParseValue(ref reader, out JsonElement? first) && first is { ValueKind: JsonValueKind.Object } line
                && line.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>The texts of all lines, with an empty line between.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="content">Its content.</param>
    /// <exception cref="SuiteException">A line is broken; the error names it.</exception>
    public static byte[] Read(string path, string content)
    {
        var texts = new List<string>();
        int line = 0;
        foreach (string json in content.Split('\n'))
        {
            line++;
            if (string.IsNullOrWhiteSpace(json)) continue;
            try
            {
                using JsonDocument document = JsonDocument.Parse(json);
                if (document.RootElement.ValueKind != JsonValueKind.Object
                    || !document.RootElement.TryGetProperty("text", out JsonElement text)
                    || text.ValueKind != JsonValueKind.String)
                    throw new SuiteException(path, line, 1, "every line of a JSONL text must be an object with a string 'text'.");
                texts.Add(text.GetString() ?? "");
            }
            catch (JsonException e)
            {
                throw new SuiteException(path, line, (int)(e.BytePositionInLine ?? 0) + 1, $"this line is not JSON: {e.Message}", inner: e);
            }
            catch (InvalidOperationException e)
            {
                // Half of a surrogate pair, as tools leave it that cut texts at a number of UTF-16 units.
                throw new SuiteException(path, line, 1, "the line's 'text' (or a name) is no valid Unicode: half of a surrogate pair.",
                    "Take the lone \\ud800 to \\udfff out of the line, or write the text again.", e);
            }
        }

        return s_strictUtf8.GetBytes(string.Join("\n\n", texts));
    }
}
