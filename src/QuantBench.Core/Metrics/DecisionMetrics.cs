using System.Collections.Immutable;

namespace QuantBench.Core.Metrics;

/// <summary>
/// Metrics that decisions may name besides those of <see cref="MetricTable"/>: figures computed from measured ones. <c>ppl_rise</c> is the
/// perplexity's relative rise over the reference variant's; <c>NAME_p90</c>, <c>NAME_p95</c> and <c>NAME_p99</c> are a timing's
/// percentiles.
/// </summary>
public static class DecisionMetrics
{
    /// <summary>The relative rise of perplexity over the reference variant's.</summary>
    public static MetricDefinition PerplexityRise { get; } = new MetricDefinition(
        "ppl_rise", "1", Direction.Lower, MetricKind.Quality, "PPL rise",
        "relative rise of the perplexity over the reference variant's on the same text")
        with
    { IsChange = true, OfReference = 0 };

    /// <summary>The metrics that pages offer as axes of a decision: the headlines, and the rise beside the perplexity.</summary>
    public static ImmutableArray<MetricDefinition> Headlines { get; } =
        [.. MetricTable.Headlines.SelectMany(m => m == MetricTable.Perplexity ? (MetricDefinition[])[m, PerplexityRise] : [m])];

    private static readonly ImmutableArray<string> s_percentiles = ["p90", "p95", "p99"];

    /// <summary>Everything that a limit, an axis or a claim may name.</summary>
    public static IEnumerable<string> Names =>
    [
        .. MetricTable.All.Select(m => m.Name), PerplexityRise.Name,
        .. MetricTable.All.Where(m => m.HasPercentiles).SelectMany(m => s_percentiles.Select(p => $"{m.Name}_{p}")),
    ];

    /// <summary>The definition of a name, measured or computed; null when there is none.</summary>
    /// <param name="name">E.g. <c>tg_tps</c>, <c>ppl_rise</c>, <c>token_latency_p99</c>.</param>
    public static MetricDefinition? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name == PerplexityRise.Name) return PerplexityRise;
        if (MetricTable.Find(name) is { } measured) return measured;
        (string source, string? percentile) = Split(name);
        if (percentile is null) return null;
        MetricDefinition metric = MetricTable.Get(source); // Split names only timings of the table
        string description = $"{percentile[1..]}th percentile: {metric.Description}";
        return metric with { Name = name, Title = $"{metric.Title} {percentile}", Description = description };
    }

    /// <summary>The measured metric behind a name, and the percentile it asks for: of the rise the perplexity.</summary>
    /// <returns>The name itself and null when it isn't computed.</returns>
    public static (string Source, string? Percentile) Split(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name == PerplexityRise.Name) return (MetricTable.Perplexity.Name, null);
        int at = name.LastIndexOf('_');
        return at > 0 && s_percentiles.Contains(name[(at + 1)..]) && MetricTable.Find(name[..at]) is { HasPercentiles: true }
            ? (name[..at], name[(at + 1)..]) : (name, null);
    }
}
