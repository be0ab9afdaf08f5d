using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Limits;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Profiles;

/// <summary>Reads profiles from YAML.</summary>
public static class ProfileReader
{
    private static readonly string[] s_keys = ["profile", "description", "limits", "weights", "offline", "licences", "model_licences"];

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
        if (limits.IsEmpty) throw limitsNode.Error("the profile has no limit", "a weight's scale is its limit, so at least one is needed");
        foreach (Bound limit in limits)
        {
            if (limit.Limit <= 0)
                throw limitsNode.Error($"the limit of {limit.Metric} must be above 0", "shares of the limit couldn't be ranked");
        }

        return new Profile
        {
            Name = name,
            Description = root.Find("description") is { } description ? Value.Text(description, "description", 10_000) : "",
            Limits = limits,
            Weights = root.Find("weights") is { } weights ? Weights(Value.Map(weights, "weights"), limits, engines)
                : [.. limits.Select(l => new ProfileWeight(l, 1))],
            Offline = root.Find("offline") is { } offline && Value.Flag(offline, "offline"),
            Licences = root.Find("licences") is { } licences
                ? [.. Value.Items(licences, "licences", 100).Select(l => Value.Text(l, "a licence", 128))] : [],
            ModelLicences = root.Find("model_licences") is { } models
                ? Value.Map(models, "model_licences").Entries.ToImmutableSortedDictionary(e => e.Key.Value,
                    e => Value.Text(e.Value, "a licence", 128))
                : ImmutableSortedDictionary<string, string>.Empty,
        };
    }

    private static ImmutableArray<ProfileWeight> Weights(SuiteMap map, ImmutableArray<Bound> limits, EngineCatalog? engines)
    {
        var weights = ImmutableArray.CreateBuilder<ProfileWeight>();
        foreach ((SuiteScalar key, SuiteNode value) in map.Entries)
        {
            MetricSelector metric = BoundReader.Metric(key, "a metric", engines);
            if (limits.FirstOrDefault(l => l.Metric == metric) is not { } limit)
            {
                throw key.Error($"{metric} has a weight but no limit",
                    $"a metric is ranked by the share of its limit that is used: add it to 'limits' "
                        + $"({DidYouMean.Hint(key.Value, limits.Select(l => l.Metric.ToString()), "limits")})");
            }

            string text = Value.Text(value, "a weight", 32);
            if (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double weight) || !(weight > 0)
                || weight > 1e6)
            {
                throw value.Error($"a weight must be a number above 0, not {value.Kind}", "a metric that shouldn't count is left out");
            }

            weights.Add(new ProfileWeight(limit, weight));
        }

        if (weights.Count == 0) throw map.Error("'weights' is empty", "leave it out to weight every limit alike");
        return weights.ToImmutable();
    }
}
