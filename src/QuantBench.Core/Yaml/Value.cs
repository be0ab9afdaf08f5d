using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Yaml;

/// <summary>Reads typed values from nodes, or throws what is wrong with them.</summary>
internal static class Value
{
    private const int LongestSetting = 1024;
    private const int LongestStop = 64;

    public static SuiteException UnknownKey(SuiteScalar key, IEnumerable<string> known, string noun) =>
        key.Error($"unknown key '{key.Shortened}'", DidYouMean.Hint(key.Value, known, noun));

    public static SuiteMap Map(SuiteNode node, string what) =>
        node as SuiteMap ?? throw node.Error($"{what} must be a map of keys, not {node.Kind}");

    public static ImmutableArray<SuiteNode> Items(SuiteNode node, string what, int most, bool mayBeEmpty = false)
    {
        if (node is not SuiteList list)
            throw node.Error($"'{what}' must be a list, not {node.Kind}", $"write {what}: [ … ] or one '- ' line per entry");
        if (list.Items.IsEmpty && !mayBeEmpty) throw node.Error($"'{what}' is empty", "list at least one");
        if (list.Items.Length > most) throw node.Error($"'{what}' has {list.Items.Length} entries; at most {most} are allowed");
        return list.Items;
    }

    public static string Text(SuiteNode node, string what, int longest)
    {
        if (node is not SuiteScalar { IsNull: false } scalar) throw node.Error($"{what} must be a text, not {node.Kind}");
        if (string.IsNullOrWhiteSpace(scalar.Value)) throw node.Error($"{what} is empty");
        if (scalar.Value.Length > longest) throw node.Error($"{what} has {scalar.Value.Length} characters; at most {longest} are allowed");
        if (scalar.Value.Any(c => char.IsControl(c) && (c != '\n' || what != "description")))
            throw node.Error($"{what} holds a line break or control character");
        return scalar.Value;
    }

    public static bool Flag(SuiteNode node, string what) => node switch
    {
        SuiteScalar { Plain: true, Value: "true" } => true,
        SuiteScalar { Plain: true, Value: "false" } => false,
        _ => throw node.Error($"'{what}' must be true or false, not {node.Kind}"),
    };

    public static TimeSpan Duration(SuiteNode node, string what)
    {
        string text = Text(node, what, LongestSetting);
        return Quantities.TryParseDuration(text, out TimeSpan duration)
            ? duration
            : throw node.Error($"'{what}' must be a duration above 0 and up to 30d, not {node.Kind}",
                "write a number and its unit (ms, s, m, h, d), e.g. 90s or 5m");
    }

    public static long Size(SuiteNode node, string what)
    {
        string text = Text(node, what, LongestSetting);
        return Quantities.TryParseSize(text, out long bytes)
            ? bytes
            : throw node.Error($"'{what}' must be a size, not {node.Kind}", "write a number and its unit, e.g. 512MiB, 4GiB or 1.5GB");
    }

    public static Variant Variant(SuiteNode node, string what)
    {
        string text = Text(node, what, LongestSetting);
        (Variant? variant, string problem, string hint) = Variants.Variant.Read(text);
        if (variant is null) throw node.Error(problem, hint);
        QuantScheme scheme = variant.Scheme;
        if (scheme.NeedsImportanceMatrix && !variant.ImportanceMatrix)
        {
            throw node.Error($"{variant} can't be made without an importance matrix", $"write {variant}+imatrix");
        }

        if (variant.ImportanceMatrix && (scheme.NominalBits >= 16 || scheme.IsGiven || scheme.Format != "gguf"))
        {
            throw node.Error($"an importance matrix changes nothing in {scheme.Format}:{scheme.Name}",
                $"write {scheme.Format}:{scheme.Name}");
        }

        return variant;
    }

    /// <summary>One value of a setting, as the CLR type that <see cref="CellSettings"/> holds.</summary>
    public static object Setting(SuiteNode node, SettingDefinition definition) => definition.Kind switch
    {
        SettingKind.Integer => Integer(node, definition),
        SettingKind.Number => Number(node, definition),
        SettingKind.Flag => Flag(node, definition.Key),
        _ => Choice(node, definition),
    };

    private static long Integer(SuiteNode node, SettingDefinition definition)
    {
        if (node is not SuiteScalar { Plain: true } scalar
            || !long.TryParse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
        {
            throw node.Error($"'{definition.Key}' must be a whole number, not {node.Kind}", definition.Description);
        }

        CheckRange(node, definition, value);
        return value;
    }

    private static double Number(SuiteNode node, SettingDefinition definition)
    {
        if (node is not SuiteScalar { Plain: true } scalar
            || !double.TryParse(scalar.Value, NumberStyles.Float & ~NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture,
                out double value)
            || !double.IsFinite(value))
        {
            throw node.Error($"'{definition.Key}' must be a number, not {node.Kind}", definition.Description);
        }

        CheckRange(node, definition, value);
        return value;
    }

    private static string Choice(SuiteNode node, SettingDefinition definition)
    {
        if (definition.Key == "slo" && node is SuiteMap limits) return Limits(limits);
        if (definition.Key == "stop" && node is SuiteScalar { IsNull: false } stop) return Stop(stop);
        string text = Text(node, $"'{definition.Key}'", LongestSetting);
        if (definition.Key == "reference") return Variant(node, "'reference'").Id;
        if (definition.Key == "shape" && !MatrixSize.TryParse(text, out _))
            throw node.Error($"'shape' can't be '{text}'", $"write {MatrixSize.Rule}");
        if (definition.Key == "cores" && CoreSet.Problem(text) is { } problem) throw node.Error($"'cores' can't be '{text}'", problem);
        if (!definition.Choices.IsDefaultOrEmpty && !definition.Choices.Contains(text))
        {
            throw node.Error($"'{definition.Key}' can't be '{text}'", DidYouMean.Hint(text, definition.Choices, "choices"));
        }

        return text;
    }

    // The one text that may be empty, and hold line breaks.
    private static string Stop(SuiteScalar scalar)
    {
        if (scalar.Value.Length > LongestStop)
            throw scalar.Error($"'stop' has {scalar.Value.Length} characters; at most {LongestStop} are allowed");
        if (scalar.Value.Any(c => char.IsControl(c) && c is not ('\n' or '\t'))) throw scalar.Error("'stop' holds a control character");
        return scalar.Value;
    }

    // In the order written, as the text has it: two spellings of one objective are one cell.
    private static string Limits(SuiteMap map)
    {
        if (map.Entries.IsEmpty) throw map.Error("'slo' has no limit", "write e.g. slo: { ttft_p99: 500ms, itl_p99: 50ms }");
        return string.Join(", ", map.Entries.Select(e => $"{e.Key.Value} {Text(e.Value, $"'{e.Key.Shortened}'", LongestSetting)}"));
    }

    private static void CheckRange(SuiteNode node, SettingDefinition definition, double value)
    {
        if (value >= definition.Min && value <= definition.Max) return;
        throw node.Error($"'{definition.Key}' is {value}, outside {definition.Min} to {definition.Max}", definition.Description);
    }
}
