using System.Collections.Immutable;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Metrics;

namespace QuantBench.Dashboard.Queries;

/// <summary>One figure of the base with what every candidate makes of it.</summary>
/// <param name="Cell">What the cells have in common.</param>
/// <param name="Metric">The metric.</param>
/// <param name="A">The base's figure.</param>
/// <param name="Sides">One per candidate, in their order; null where that candidate has no such figure.</param>
public sealed record ManyRow(string Cell, MetricDefinition Metric, Measurement A, ImmutableArray<MetricComparison?> Sides)
{
    /// <summary>Whether any candidate differs, and the interval says so.</summary>
    public bool Shown => Sides.Any(s => s?.Verdict.IsShown() == true);

    /// <summary>What matters most: a loss before a gain before what isn't shown.</summary>
    internal int Order =>
        Sides.Any(s => s?.Verdict == Verdict.Worse) ? 0 : Shown ? 1 : Sides.Any(s => s?.Verdict == Verdict.NotToldApart) ? 2
            : Sides.Any(s => s?.Verdict == Verdict.NoErrorKnown) ? 3 : 4;

    /// <summary>The largest shown difference, on a scale where twice and half weigh alike.</summary>
    internal double Size =>
        Sides.OfType<MetricComparison>().Where(s => s.Verdict.IsShown() && !s.Absolute)
        .Select(s => s.Difference is > -1 and var d ? Math.Abs(Math.Log(1 + d)) : double.PositiveInfinity).DefaultIfEmpty(0).Max();
}

/// <summary>Rows of a comparison about one thing.</summary>
/// <param name="Title">What they are about.</param>
/// <param name="Shown">Rows with a difference that is shown, what matters most first.</param>
/// <param name="Others">Rows without one: not told apart, no error known, equal or not comparable.</param>
public sealed record ManyGroup(string Title, ImmutableArray<ManyRow> Shown, ImmutableArray<ManyRow> Others);

/// <summary>A base and one to five candidates.</summary>
/// <param name="Base">The base.</param>
/// <param name="Others">The candidates.</param>
/// <param name="Labels">Short names, the base's first: only what tells the sides apart.</param>
/// <param name="Comparisons">One per candidate; the correction counts all of them together.</param>
internal sealed record ManyComparison(ComparisonSide Base, ImmutableArray<ComparisonSide> Others, ImmutableArray<string> Labels,
    ImmutableArray<RunComparison> Comparisons)
{
    /// <summary>Most sides of a comparison.</summary>
    public const int MostSides = 6;

    /// <summary>What keeps timings from being compared, over all candidates.</summary>
    public ImmutableArray<string> Differing =>
        [.. Comparisons.SelectMany((c, i) => c.Differing.Select(d => Comparisons.Length > 1 ? $"{Labels[i + 1]}: {d}" : d)).Distinct()];

    /// <summary>Number of figures of a verdict, over all candidates.</summary>
    public int Count(Verdict verdict) => Comparisons.Sum(c => c.Count(verdict));

    /// <summary>Its rows in groups, those where something differs first.</summary>
    /// <param name="metric">Only this metric; null or empty for all.</param>
    public ImmutableArray<ManyGroup> Groups(string? metric)
    {
        ManyRow[] rows = [.. Rows(metric)];
        return
        [
            .. rows.GroupBy(r =>
                r.Metric.Kind switch { MetricKind.Quality => "Quality", MetricKind.Timing => "Speed", _ => "Memory and size" })
                .OrderBy(g => g.Any(r => r.Shown) ? 0 : 1).ThenBy(g => g.Key switch { "Quality" => 0, "Speed" => 1, _ => 2 })
                .Select(g =>
                    new ManyGroup(g.Key, [.. g.Where(r => r.Shown).OrderBy(r => r.Order).ThenByDescending(r => r.Size)],
                        [.. g.Where(r => !r.Shown).OrderBy(r => r.Order)])),
        ];
    }

    /// <summary>The rows of a metric, or all.</summary>
    internal IEnumerable<ManyRow> Rows(string? metric)
    {
        var byKey = new Dictionary<(string, string), (MetricComparison First, MetricComparison?[] Sides)>();
        for (int i = 0; i < Comparisons.Length; i++)
        {
            foreach (MetricComparison row in Comparisons[i].Rows)
            {
                if (!string.IsNullOrEmpty(metric) && row.Metric.Name != metric) continue;
                if (!byKey.TryGetValue((row.Cell, row.Metric.Name), out (MetricComparison First, MetricComparison?[] Sides) have))
                    byKey[(row.Cell, row.Metric.Name)] = have = (row, new MetricComparison?[Comparisons.Length]);
                have.Sides[i] ??= row;
            }
        }

        return byKey.Values.Select(v => new ManyRow(v.First.Cell, v.First.Metric, v.First.A, [.. v.Sides]));
    }
}
