using System.Collections.Immutable;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Plots;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Drawing;

namespace QuantBench.Dashboard.Queries;

/// <summary>What a comparison looks at beside its table: one metric, and one cell of it for the samples.</summary>
/// <param name="Metric">The metric.</param>
/// <param name="Row">The row whose samples are drawn; null when no row has samples on two sides.</param>
/// <param name="Cells">Names of the rows of this metric that could be chosen.</param>
internal sealed record ComparisonFocus(MetricDefinition Metric, ManyRow? Row, ImmutableArray<string> Cells);

/// <summary>A backend with what each candidate makes of the metric there.</summary>
/// <param name="Backend">The backend.</param>
/// <param name="Row">The figures.</param>
internal sealed record BackendRow(string Backend, ManyRow Row);

/// <summary>Comparisons of up to six sides, and their pictures.</summary>
/// <param name="sides">Reads sides.</param>
/// <param name="cache">What stays true until the store changes.</param>
/// <param name="drawing">Draws.</param>
internal sealed class ManyComparisonQueries(ComparisonQueries sides, StoreCache cache, DrawingQueue drawing)
{
    private const int MostBars = 24;
    private const int MostBackends = 40;

    // What people ask for first, speed before quality; of the others any will do.
    private static readonly ImmutableArray<MetricDefinition> s_first =
        [.. MetricTable.Headlines.OrderBy(m => m.Kind == MetricKind.Timing ? 0 : 1)];

    /// <summary>Compares candidates with a base.</summary>
    /// <param name="a">The base, <c>run[:variant[@backend]]</c>.</param>
    /// <param name="others">The candidates, one to five.</param>
    /// <exception cref="RequestException">A side names nothing, or there are too many.</exception>
    public Task<ManyComparison> CompareAsync(string a, IReadOnlyList<string> others)
    {
        if (others.Count is 0 or >= ManyComparison.MostSides)
            throw new RequestException($"{others.Count + 1} sides can't be compared.", $"Pick 2 to {ManyComparison.MostSides}.");
        return cache.GetAsync($"compare-many {a}\n{string.Join('\n', others)}",
            () => Task.FromResult(Of(sides.Side(a), [.. others.Select(sides.Side)])));
    }

    /// <summary>What the panels below the table show.</summary>
    /// <param name="many">The comparison.</param>
    /// <param name="metric">The metric that is asked for; null = the first of those that people ask for.</param>
    /// <param name="cell">The row that is asked for; null = the one that differs most.</param>
    public static ComparisonFocus? Focus(ManyComparison many, string? metric, string? cell)
    {
        ManyRow[] rows = [.. many.Rows(metric)];
        if (rows.Length == 0) return null;
        string name = string.IsNullOrEmpty(metric)
            ? (s_first.FirstOrDefault(m => rows.Any(r => r.Metric == m && Sampled(r))) ?? rows.FirstOrDefault(Sampled)?.Metric
                ?? rows[0].Metric).Name : metric;
        ManyRow[] here = [
            .. rows.Where(r => r.Metric.Name == name).OrderBy(r => Sampled(r) ? 0 : 1).ThenBy(r => r.Order).ThenByDescending(r => r.Size)];
        ManyRow[] sampled = [.. here.Where(Sampled)];
        return new ComparisonFocus(here[0].Metric, sampled.FirstOrDefault(r => r.Cell == cell) ?? sampled.FirstOrDefault(),
            [.. sampled.Select(r => r.Cell)]);
    }

    /// <summary>The differences as a picture: of a single candidate its metrics, of several each of them. Drawn at most once per version of
    /// the store.</summary>
    public async Task<PlotFigure?> DifferencesAsync(ManyComparison many, string? metric)
    {
        return (await cache.GetAsync($"differences {metric} {Key(many)}",
            () => drawing.DrawAsync(() => new Drawn(Differences(many, metric))))).Figure;
    }

    /// <summary>The samples of the focus as cumulative curves; null when fewer than two sides have samples. Drawn at most once per version
    /// of the store.</summary>
    public async Task<PlotFigure?> DistributionAsync(ManyComparison many, ComparisonFocus focus)
    {
        return (await cache.GetAsync($"distribution {focus.Metric.Name} {focus.Row?.Cell} {Key(many)}",
            () => drawing.DrawAsync(() => new Drawn(Distribution(many, focus))))).Figure;
    }

    /// <summary>The metric of the focus on every backend that the base and a candidate have in common; empty when what is compared is
    /// backends.</summary>
    public Task<ImmutableArray<BackendRow>> BackendsAsync(ManyComparison many, ComparisonFocus focus)
    {
        if (many.Others.Any(o => o.Backend is not null && many.Base.Backend is not null && o.Backend != many.Base.Backend))
            return Task.FromResult(ImmutableArray<BackendRow>.Empty);
        MetricComparison? seen = focus.Row?.Sides.OfType<MetricComparison>().FirstOrDefault();
        string key = $"backends {focus.Metric.Name} {focus.Row?.Cell} {Key(many)}";
        return cache.GetAsync(key, () =>
        {
            // Whole runs are narrowed to the variant that is looked at: all variants on all backends is what the matrix is for.
            ComparisonSide Wide(ComparisonSide side, Variant? variant) => side with { Backend = null, Variant = side.Variant ?? variant };
            ManyComparison wide = Of(Wide(many.Base, seen?.VariantA), [.. many.Others.Select(o => Wide(o, seen?.VariantB))]);
            IEnumerable<ManyRow> rows = wide.Rows(focus.Metric.Name).Where(r => seen is null || First(r).Workload == seen.Workload);
            return Task.FromResult(
                rows.Select(r => new BackendRow(First(r).Backend?.ToString() ?? "", r)).OrderBy(r => r.Backend, StringComparer.Ordinal)
                    .Take(MostBackends).ToImmutableArray());
        });

        static MetricComparison First(ManyRow row) => row.Sides.OfType<MetricComparison>().First();
    }

    private static PlotFigure? Differences(ManyComparison many, string? metric)
    {
        ManyRow[] rows = [.. many.Groups(metric).SelectMany(g => g.Shown.Concat(g.Others.Where(r => r.Order == 2)))];
        // Rows of all groups in one order: where not all fit, the largest losses and gains are what is worth a line.
        rows = [.. rows.OrderBy(r => r.Order).ThenByDescending(r => r.Size)];
        // A cell's name is long: it stands there only where the metric alone doesn't say which figure is meant.
        HashSet<string> ambiguous = [
            .. rows.GroupBy(r => r.Metric.Name).Where(g => g.Select(r => r.Cell).Distinct().Count() > 1).Select(g => g.Key)];
        HashSet<string> shared = SharedWords(rows);
        DifferenceBar[] bars =
        [
            .. rows.SelectMany(r => r.Sides.Select((s, i) => (Row: r, Side: s, Label: many.Labels[i + 1])))
                .Where(b => b.Side is { Absolute: false, Difference: not null })
                // filtered
                .Select(b =>
                    new DifferenceBar(
                        string.Join(", ",
                            ((string[])[b.Row.Metric.Column?.Title ?? b.Row.Metric.Title, many.Others.Length > 1 ? b.Label : "",
                                ambiguous.Contains(b.Row.Metric.Name)
                                    ? string.Join(' ', b.Row.Cell.Split(' ').Where(w => !shared.Contains(w))) : ""])
                                    .Where(t => t.Length > 0)), b.Side!)),
        ];
        string title = many.Others.Length > 1 ? $"Differences to {many.Labels[0]}" : $"{many.Labels[1]} against {many.Labels[0]}";
        return PlotFigure.Both(
            (id, width) =>
                DifferencePlot.Draw(title, bars[..Math.Min(bars.Length, MostBars)], Math.Max(0, bars.Length - MostBars), id, width),
                "differences");
    }

    private static PlotFigure? Distribution(ManyComparison many, ComparisonFocus focus)
    {
        if (focus.Row is not { } row) return null;
        SampleSet[] sets = [new(many.Labels[0], row.A.Samples ?? []),
            .. row.Sides.Select((s, i) => new SampleSet(many.Labels[i + 1], s?.B.Samples ?? []))];
        return PlotFigure.Both((id, width) => DistributionPlot.Draw(row.Metric, row.Cell, sets, id, width), "distribution");
    }

    private ManyComparison Of(ComparisonSide a, ImmutableArray<ComparisonSide> others) =>
        new(a, others, Labels([a, .. others]), sides.Compare(a, others));

    // Only what tells the sides apart: six full names would hide it.
    private static ImmutableArray<string> Labels(ComparisonSide[] all)
    {
        bool Differs<T>(Func<ComparisonSide, T> part) => all.Select(part).Distinct().Count() > 1;
        (bool run, bool variant, bool backend) = (Differs(s => s.Run.Info.Id), Differs(s => s.Variant?.Id),
            Differs(s => s.Backend?.ToString()));
        if (!run && !variant && !backend) return [.. all.Select(s => s.Name)];
        return [.. all.Select(s =>
            string.Join(' ',
                ((string?[])[run ? s.Run.Info.Id : null, variant ? s.Variant?.Id ?? "all variants" : null,
                    backend ? s.Backend?.ToString() ?? "all backends" : null]).OfType<string>()))];
    }

    // What every cell's name says tells none of them apart.
    private static HashSet<string> SharedWords(ManyRow[] rows)
    {
        HashSet<string> shared = rows.Length == 0 ? [] : [.. rows[0].Cell.Split(' ')];
        foreach (ManyRow row in rows) shared.IntersectWith(row.Cell.Split(' '));
        return shared;
    }

    private static string Key(ManyComparison many) => $"{many.Base.Name}\n{string.Join('\n', many.Others.Select(o => o.Name))}";

    private static bool Sampled(ManyRow row) => row.A.Samples is { Length: > 1 } && row.Sides.Any(s => s?.B.Samples is { Length: > 1 });

    // What is kept must be something: also that there is nothing to draw.
    private sealed record Drawn(PlotFigure? Figure);
}
