using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Limits;
using QuantBench.Core.Variants;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Gates;

/// <summary>Reads gates: the list <c>gates:</c> of a suite or of a file of its own.</summary>
public static class GateReader
{
    /// <summary>Keys of a gate, in the order docs list them.</summary>
    internal static readonly ImmutableArray<(string Key, string Description)> Keys =
    [
        ("name", "its name in summaries; default: what it says"),
        ("model", "pattern for the model: * and ? are wildcards"),
        ("variant", "pattern for the variants that must keep it"),
        ("backend", "pattern for the backend"),
        ("metric", "a metric, with settings where the run has several: tg_tps@depth=512"),
        ("min", "least figure, with the metric's unit, or a difference in per cent with 'vs'"),
        ("max", "largest figure, with the metric's unit, or a difference in per cent with 'vs'"),
        ("vs", "what a difference is from: a variant of the same run, or 'baseline'"),
        ("unsure", "when the interval lies on both sides of the limit: estimate (default), pass or fail"),
    ];

    private const int MostRules = 200;

    /// <summary>Reads a file that holds <c>gates:</c>, be it a suite or not.</summary>
    /// <param name="path">Path of the YAML file.</param>
    /// <param name="engines">Engines whose own settings may be named.</param>
    /// <exception cref="SuiteException">It can't be read, has no gates, or one is wrong.</exception>
    public static ImmutableArray<GateRule> Load(string path, EngineCatalog? engines = null)
    {
        SuiteMap root = BoundReader.File(path);
        return root.Find("gates") is { } gates ? Read(gates, engines)
            : throw BoundReader.Missing(root, "the file", "gates", "e.g. gates: [{ variant: Q4_K_M, metric: tg_tps, min: 20 }]");
    }

    /// <summary>The gates that a run's suite had when it ran.</summary>
    /// <param name="suiteText">The recorded text.</param>
    /// <param name="name">Name of it for errors.</param>
    /// <param name="engines">Engines whose own settings may be named.</param>
    /// <returns>Empty when it had none.</returns>
    /// <exception cref="SuiteException">The text isn't a suite's.</exception>
    public static ImmutableArray<GateRule> OfSuite(string suiteText, string name, EngineCatalog? engines = null)
    {
        ArgumentNullException.ThrowIfNull(suiteText);
        return SuiteNodeReader.Read(suiteText, name).Find("gates") is { } gates ? Read(gates, engines) : [];
    }

    internal static ImmutableArray<GateRule> Read(SuiteNode node, EngineCatalog? engines) =>
        [.. Value.Items(node, "gates", MostRules, mayBeEmpty: true).Select(n => Rule(n, engines))];

    private static GateRule Rule(SuiteNode node, EngineCatalog? engines)
    {
        SuiteMap map = Value.Map(node, "a gate");
        foreach ((SuiteScalar key, SuiteNode _) in map.Entries)
        {
            if (!Keys.Any(k => k.Key == key.Value)) throw Value.UnknownKey(key, Keys.Select(k => k.Key), "keys of a gate");
        }

        const string Example = "e.g. { variant: Q4_K_M, metric: tg_tps, min: 20 }";
        MetricSelector metric =
            BoundReader.Metric(map.Find("metric") ?? throw BoundReader.Missing(map, "the gate", "metric", Example), "metric", engines);
        SuiteNode? vs = map.Find("vs");
        var bounds = ImmutableArray.CreateBuilder<Bound>();
        if (map.Find("min") is { } min) bounds.Add(BoundReader.Limit(min, metric, false, mayBeRelative: true));
        if (map.Find("max") is { } max) bounds.Add(BoundReader.Limit(max, metric, true, mayBeRelative: true));
        if (bounds.Count == 0) throw map.Error("the gate has no limit", $"give min, max or both; {Example}");
        if (bounds.Count == 2 && bounds[0].Limit > bounds[1].Limit) throw map.Error("the gate's min is above its max");
        if (bounds.Any(b => b.Relative != bounds[0].Relative))
            throw map.Error("one limit is a difference and the other a figure", "write two gates");
        if (bounds[0].Relative && vs is null)
            throw map.Error("a limit in per cent is a difference from something, and the gate doesn't say from what",
                "add vs: gguf:F16, or vs: baseline");
        if (!bounds[0].Relative && vs is not null)
            throw vs.Error($"'vs' is given, but the limit is a figure of {metric.Metric} itself",
                "write the limit in per cent, or leave 'vs' out");
        (GateBase kind, Variant? variant) = vs is null ? (GateBase.None, null)
            : vs is SuiteScalar { Value: "baseline" } ? (GateBase.Baseline, null)
            : (GateBase.Variant, Value.Variant(vs, "'vs'"));
        return new GateRule
        {
            Name = map.Find("name") is { } name ? Value.Text(name, "name", 200) : Describe(map, metric),
            Where = new CellRule(Pattern("model"), Pattern("variant"), Pattern("backend"), null),
            Metric = metric,
            Bounds = bounds.ToImmutable(),
            Base = kind,
            BaseVariant = variant,
            Unsure = map.Find("unsure") switch
            {
                null or SuiteScalar { Value: "estimate" } => UnsurePolicy.Estimate,
                SuiteScalar { Value: "pass" } => UnsurePolicy.Pass,
                SuiteScalar { Value: "fail" } => UnsurePolicy.Fail,
                { } other => throw other.Error($"'unsure' can't be {other.Kind}", "estimate, pass or fail"),
            },
            Place = $"{map.File}:{map.Line}",
        };

        string? Pattern(string key) => map.Find(key) is { } pattern ? Value.Text(pattern, key, 256) : null;
    }

    private static string Describe(SuiteMap map, MetricSelector metric)
    {
        IEnumerable<string> where = ((string[])["model", "variant", "backend"]).Select(map.Find).OfType<SuiteScalar>().Select(s => s.Value);
        IEnumerable<string> limits = ((string[])["min", "max"]).Select(k => (Key: k, Node: map.Find(k) as SuiteScalar))
            .Where(l => l.Node is not null)
            .Select(l => $"{(l.Key == "min" ? "≥" : "≤")} {l.Node!.Value}"); // filtered one line above
        string name = $"{string.Join(' ', where)}: {metric} {string.Join(" and ", limits)}".TrimStart(':', ' ');
        return map.Find("vs") is SuiteScalar vs ? $"{name} vs {vs.Value}" : name;
    }
}
