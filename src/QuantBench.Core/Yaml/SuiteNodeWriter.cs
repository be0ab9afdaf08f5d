using System.Text;
using System.Text.Json;

namespace QuantBench.Core.Yaml;

/// <summary>Writes nodes as YAML that reads back to the same nodes: one line per top-level key or list item.</summary>
internal static class SuiteNodeWriter
{
    /// <summary>The text of a map.</summary>
    public static string Write(SuiteMap root)
    {
        var text = new StringBuilder();
        foreach ((SuiteScalar key, SuiteNode value) in root.Entries)
        {
            text.Append(Scalar(key)).Append(':');
            if (value is SuiteList { Items.IsEmpty: false } list)
            {
                foreach (SuiteNode item in list.Items) text.Append("\n  - ").Append(Flow(item));
            }
            else
            {
                text.Append(' ').Append(Flow(value));
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    private static string Flow(SuiteNode node) => node switch
    {
        SuiteScalar s => Scalar(s),
        SuiteList l => $"[{string.Join(", ", l.Items.Select(Flow))}]",
        SuiteMap { Entries.IsEmpty: true } => "{}",
        SuiteMap m => $"{{ {string.Join(", ", m.Entries.Select(e => $"{Scalar(e.Key)}: {Flow(e.Value)}"))} }}",
        _ => throw new ArgumentException(node.Kind, nameof(node)),
    };

    private static string Scalar(SuiteScalar scalar)
    {
        if (scalar.IsNull) return "null";
        // Double-quoted JSON is YAML; plain only where a number, boolean or bare word must stay what it is.
        return scalar.Plain && IsBareWord(scalar.Value) ? scalar.Value : JsonSerializer.Serialize(scalar.Value, Json.Line);
    }

    private static bool IsBareWord(string value) =>
        value.Length > 0
        && (char.IsAsciiLetterOrDigit(value[0]) || (value.Length > 1 && value[0] is '-' or '+' or '.' && char.IsAsciiDigit(value[1])))
        && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or '+');
}
