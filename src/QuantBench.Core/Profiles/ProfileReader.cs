using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Profiles;

/// <summary>Reads profiles from YAML.</summary>
public static class ProfileReader
{
    private static readonly string[] s_keys =
        ["profile", "description", "limits", "prefer", "parameters", "weights", "offline", "licences", "model_licences"];

    /// <summary>Reads a profile's file.</summary>
    /// <param name="path">Path of the YAML file.</param>
    /// <param name="engines">Engines whose own settings may be named.</param>
    /// <exception cref="SuiteException">It can't be read, or something in it is wrong.</exception>
    public static Profile Load(string path, EngineCatalog? engines = null) =>
        SuiteText.Guard(path, () => Read(BoundReader.File(path), engines));

    private static Profile Read(SuiteMap root, EngineCatalog? engines)
    {
        foreach ((SuiteScalar key, SuiteNode _) in root.Entries)
        {
            if (!s_keys.Contains(key.Value)) throw Value.UnknownKey(key, s_keys, "keys of a profile");
        }

        string name =
            Value.Text(root.Find("profile") ?? throw BoundReader.Missing(root, "the file", "profile", "e.g. profile: my-phone"), "profile",
                64);
        SuiteNode limitsNode = root.Find("limits")
            ?? throw BoundReader.Missing(root, "the profile", "limits", "e.g. limits: { rss_peak: { max: 2GiB }, tg_tps: { min: 10 } }");
        ImmutableArray<Bound> limits =
        [
            .. Value.Map(limitsNode, "limits").Entries.SelectMany(e =>
                BoundReader.Limits(e.Value, BoundReader.Metric(e.Key, "a metric", engines), mayBeRelative: false)),
        ];
        if (limits.IsEmpty)
            throw limitsNode.Error("the profile has no limit", "without one every variant would do, e.g. ppl_rise: { max: 3% }");
        foreach (Bound limit in limits)
        {
            if (limit.Limit <= 0)
                throw limitsNode.Error($"the limit of {limit.Metric} must be above 0", "shares of the limit couldn't be ranked");
        }

        (double? least, double? most) = root.Find("parameters") is { } sizes ? Parameters(Value.Map(sizes, "parameters")) : (null, null);
        var profile = new Profile
        {
            Name = name,
            Description = root.Find("description") is { } description ? Value.Text(description, "description", 10_000) : "",
            Limits = limits,
            HasWeights = root.Find("weights") is not null,
            LeastParameters = least,
            MostParameters = most,
            Offline = root.Find("offline") is { } offline && Value.Flag(offline, "offline"),
            Licences = root.Find("licences") is { } licences
                ? [.. Value.Items(licences, "licences", 100).Select(l => Value.Text(l, "a licence", 128))] : [],
            ModelLicences = root.Find("model_licences") is { } models
                ? Value.Map(models, "model_licences").Entries.ToImmutableSortedDictionary(e => e.Key.Value,
                    e => Value.Text(e.Value, "a licence", 128))
                : ImmutableSortedDictionary<string, string>.Empty,
        };
        return root.Find("prefer") is { } prefer ? profile with { Prefer = Preferred(prefer, engines) } : profile;
    }

    private static ImmutableArray<MetricSelector> Preferred(SuiteNode node, EngineCatalog? engines)
    {
        SuiteScalar[] names = node is SuiteScalar one ? [one]
            : [.. Value.Items(node, "prefer", 10)
                .Select(n => n as SuiteScalar ?? throw n.Error("'prefer' lists metrics", "e.g. prefer: tg_tps"))];
        if (names.Length == 0) throw node.Error("'prefer' is empty", "leave it out to prefer the smallest artifact, then the fastest");
        var metrics = ImmutableArray.CreateBuilder<MetricSelector>(names.Length);
        foreach (SuiteScalar name in names)
        {
            MetricSelector metric = BoundReader.Metric(name, "a metric", engines);
            if (metric.Definition.Direction == Direction.None)
                throw name.Error($"{metric} has no better direction",
                    "prefer a metric that can be good or bad, e.g. artifact_size or tg_tps");
            metrics.Add(metric);
        }

        return metrics.ToImmutable();
    }

    private static (double? Least, double? Most) Parameters(SuiteMap map)
    {
        foreach ((SuiteScalar key, SuiteNode _) in map.Entries)
        {
            if (key.Value is not ("min" or "max")) throw Value.UnknownKey(key, ["min", "max"], "keys of 'parameters'");
        }

        (double? least, double? most) = (Count(map.Find("min")), Count(map.Find("max")));
        return least > most ? throw map.Error("'parameters' has a minimum above its maximum", "e.g. { min: 1B, max: 14B }") : (least, most);
    }

    // A count of weights as people write it: 500M, 1.5B.
    private static double? Count(SuiteNode? node)
    {
        if (node is null) return null;
        string text = Value.Text(node, "a number of weights", 32);
        double unit = text[^1] switch { 'K' => 1e3, 'M' => 1e6, 'B' => 1e9, 'T' => 1e12, _ => 1 };
        return double.TryParse(unit == 1 ? text : text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
            out double count)
            && count > 0 && double.IsFinite(count)
            ? count * unit : throw node.Error("a number of weights must be above 0", "e.g. 500M, 1.5B");
    }
}
