using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Limits;
using QuantBench.Core.Variants;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Claims;

/// <summary>Reads a file of claims.</summary>
public static class ClaimReader
{
    private const int MostClaims = 500;
    private static readonly string[] s_testKeys = ["variants", "metric", "change", "value", "best_among", "frontier"];
    private static readonly string[] s_keys = ["id", "claim", "note", "bases", "backend", "most_parameters", "all", .. s_testKeys];

    /// <summary>Reads a file.</summary>
    /// <param name="path">Path of the YAML file.</param>
    /// <param name="engines">Engines whose own settings may be named.</param>
    /// <exception cref="SuiteException">It can't be read, or a claim is wrong.</exception>
    public static ImmutableArray<Claim> Load(string path, EngineCatalog? engines = null) =>
        SuiteText.Guard(path, () => Read(path, engines));

    private static ImmutableArray<Claim> Read(string path, EngineCatalog? engines)
    {
        SuiteMap root = BoundReader.File(path);
        foreach ((SuiteScalar key, SuiteNode _) in root.Entries)
        {
            if (key.Value != "claims") throw Value.UnknownKey(key, ["claims"], "keys");
        }

        SuiteNode list = root.Find("claims")
            ?? throw BoundReader.Missing(root, "the file", "claims", "a claims file starts with 'claims:'");
        var claims = new List<Claim>();
        foreach (SuiteNode item in Value.Items(list, "claims", MostClaims))
        {
            Claim claim = Read(Value.Map(item, "a claim"), engines);
            if (claims.Any(c => c.Id == claim.Id)) throw item.Error($"the id '{claim.Id}' is used twice", "choose another");
            claims.Add(claim);
        }

        return [.. claims];
    }

    private static Claim Read(SuiteMap map, EngineCatalog? engines)
    {
        foreach ((SuiteScalar key, SuiteNode _) in map.Entries)
        {
            if (!s_keys.Contains(key.Value)) throw Value.UnknownKey(key, s_keys, "keys of a claim");
        }

        string id = Value.Text(map.Find("id") ?? throw BoundReader.Missing(map, "the claim", "id", "e.g. id: q4-0-size"), "id", 64);
        string text =
            Value.Text(map.Find("claim") ?? throw BoundReader.Missing(map, $"the claim '{id}'", "claim", "say in words what is claimed"),
                "claim", 500);
        ImmutableArray<ClaimTest> tests = map.Find("all") is { } all
            ? [.. Value.Items(all, "all", 20).Select(t => Test(Value.Map(t, "a test"), nested: true, engines))]
            : [Test(map, nested: false, engines)];
        ImmutableArray<Variant> bases = map.Find("bases") is { } list
            ? [.. Value.Items(list, "bases", 10).Select(b => Value.Variant(b, "a base"))] : [];
        bool needsBase = tests.Any(t => t is ClaimTest.Change);
        if (needsBase && bases.IsEmpty)
            throw map.Error($"the claim '{id}' is about a change, but names no base",
                "add bases: [gguf:F32, gguf:F16]; it is judged once for each");
        if (!needsBase && !bases.IsEmpty)
            throw map.Error($"the claim '{id}' names bases, but none of its tests is a change", "leave 'bases' out");
        return new Claim
        {
            Id = id,
            Text = text,
            Note = map.Find("note") is { } note ? Value.Text(note, "description", 2000) : "",
            Bases = bases,
            Tests = tests,
            Backend = map.Find("backend") is { } backend ? Value.Text(backend, "backend", 128) : null,
            MostParameters = map.Find("most_parameters") is { } most ? Parameters(most) : null,
        };
    }

    private static ClaimTest Test(SuiteMap map, bool nested, EngineCatalog? engines)
    {
        if (nested)
        {
            foreach ((SuiteScalar key, SuiteNode _) in map.Entries)
            {
                if (!s_testKeys.Contains(key.Value)) throw Value.UnknownKey(key, s_testKeys, "keys of a test");
            }
        }

        ImmutableArray<string> variants =
            BoundReader.Patterns(
                map.Find("variants") ?? throw BoundReader.Missing(map, "the test", "variants", "e.g. variants: [gguf:Q4_0]"), "variants");
        string[] forms = [.. ((string[])["change", "value", "best_among", "frontier"]).Where(k => map.Find(k) is not null)];
        if (forms.Length != 1)
        {
            throw map.Error(
                forms.Length == 0 ? "the claim doesn't say what must hold"
                    : $"the claim has {string.Join(" and ", forms.Select(f => $"'{f}'"))}",
                "give one of change, value, best_among, frontier; or several tests under 'all:'");
        }

        // Non-null: Find gave it a line above.
        SuiteNode form = map.Find(forms[0])!;
        if (forms[0] == "frontier")
        {
            ImmutableArray<MetricSelector> axes =
                [.. Value.Items(form, "frontier", 6).Select(a => BoundReader.Metric(a, "a metric", engines))];
            return axes.Length < 2 ? throw form.Error("a frontier needs two metrics or more")
                : new ClaimTest.Frontier(axes) { Variants = variants };
        }

        MetricSelector metric =
            BoundReader.Metric(map.Find("metric") ?? throw BoundReader.Missing(map, "the claim", "metric", "e.g. metric: artifact_size"),
                "metric", engines);
        switch (forms[0])
        {
            case "best_among":
                return new ClaimTest.Best(metric, BoundReader.Patterns(form, "best_among")) { Variants = variants };
            case "value":
                return new ClaimTest.Figure(metric, BoundReader.Limits(form, metric, mayBeRelative: false)) { Variants = variants };
            default:
                ImmutableArray<Bound> bounds = BoundReader.Limits(form, metric, mayBeRelative: true);
                if (bounds.Any(b => !b.Relative))
                    throw form.Error($"a change of {metric} is given in per cent", "e.g. change: { min: -80%, max: -70% }");
                return new ClaimTest.Change(metric, bounds) { Variants = variants };
        }
    }

    private static double Parameters(SuiteNode node)
    {
        string text = Value.Text(node, "most_parameters", 32);
        double factor = text[^1] switch { 'M' => 1e6, 'B' => 1e9, 'T' => 1e12, _ => 1 };
        string digits = factor == 1 ? text : text[..^1];
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture,
            out double number) && number > 0
            ? number * factor
            : throw node.Error($"'most_parameters' must be a number of weights, not {node.Kind}", "e.g. 3B or 500M");
    }
}
