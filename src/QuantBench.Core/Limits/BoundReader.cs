using System.Collections.Immutable;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Limits;

/// <summary>Reads metrics and limits from YAML.</summary>
internal static class BoundReader
{
    /// <summary>A metric's name with its settings.</summary>
    public static MetricSelector Metric(SuiteNode node, string what, EngineCatalog? engines)
    {
        string text = Value.Text(node, what, 256);
        // non-null without a fault
        return MetricSelector.Read(text, engines, out MetricSelector? selector) is { } fault ? throw node.Error(fault.Problem, fault.Hint)
            : selector!;
    }

    /// <summary>One limit.</summary>
    /// <param name="node">Its value.</param>
    /// <param name="metric">The metric.</param>
    /// <param name="isMax">Whether it is <c>max</c>.</param>
    /// <param name="mayBeRelative">Whether a percentage may mean a difference.</param>
    public static Bound Limit(SuiteNode node, MetricSelector metric, bool isMax, bool mayBeRelative)
    {
        string text = Value.Text(node, isMax ? "'max'" : "'min'", 64);
        return Bound.Read(metric.Definition, text, mayBeRelative, out double limit, out bool relative) is { } problem
            ? throw node.Error(problem, Bound.Example(metric.Definition) + (mayBeRelative ? ", or a difference in per cent, e.g. +2%" : ""))
            : new Bound(metric, isMax, limit, relative);
    }

    /// <summary>A map with <c>min</c>, <c>max</c> or both.</summary>
    public static ImmutableArray<Bound> Limits(SuiteNode node, MetricSelector metric, bool mayBeRelative)
    {
        SuiteMap map = Value.Map(node, $"the limit of {metric}");
        var bounds = ImmutableArray.CreateBuilder<Bound>();
        foreach ((SuiteScalar key, SuiteNode value) in map.Entries)
        {
            bounds.Add(key.Value switch
            {
                "min" => Limit(value, metric, false, mayBeRelative),
                "max" => Limit(value, metric, true, mayBeRelative),
                _ => throw Value.UnknownKey(key, ["min", "max"], "keys of a limit"),
            });
        }

        if (bounds.Count == 0) throw map.Error($"the limit of {metric} is empty", "give min, max or both");
        if (bounds is [{ IsMax: var first } one, { } other] && (first ? other.Limit > one.Limit : one.Limit > other.Limit))
            throw map.Error($"min of {metric} is above max");
        return bounds.ToImmutable();
    }

    /// <summary>A pattern over variant ids: at least a word; <c>*</c> and <c>?</c> are wildcards.</summary>
    public static ImmutableArray<string> Patterns(SuiteNode node, string what) =>
        node is SuiteScalar ? [Value.Text(node, what, 128)] : [.. Value.Items(node, what, 100).Select(i => Value.Text(i, what, 128))];

    /// <summary>The one place that reads a whole file of rules.</summary>
    public static SuiteMap File(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return SuiteNodeReader.Read(SuiteText.Read(path, null), path);
    }

    /// <summary>The error of a missing key.</summary>
    public static SuiteException Missing(SuiteNode map, string what, string key, string example) =>
        map.Error($"{what} has no '{key}'", example);
}
