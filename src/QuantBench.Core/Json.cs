using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace QuantBench.Core;

/// <summary>The one set of JSON options for everything QuantBench writes: snake_case names, enums as strings, NaN and infinities as
/// strings.</summary>
public static class Json
{
    /// <summary>One line per value, for <c>cells.jsonl</c> and the worker's protocol.</summary>
    public static readonly JsonSerializerOptions Line = Make(indented: false);

    /// <summary>Indented, for files people open.</summary>
    public static readonly JsonSerializerOptions Pretty = Make(indented: true);

    private static JsonSerializerOptions Make(bool indented)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            WriteIndented = indented,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            // Ids hold + and <; nothing here is embedded in HTML unescaped.
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            ReadCommentHandling = JsonCommentHandling.Skip,
        };
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower));
        return options;
    }
}
