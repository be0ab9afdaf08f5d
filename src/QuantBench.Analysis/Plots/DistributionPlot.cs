using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Plots;

/// <summary>Raw samples of one side of a comparison.</summary>
/// <param name="Name">The side, short enough for a label in the plot.</param>
/// <param name="Samples">Its samples, in any order.</param>
public sealed record SampleSet(string Name, double[] Samples);

/// <summary>Samples of several sides as cumulative curves: no bins that hide anything; the base dashed, the others solid.</summary>
public static class DistributionPlot
{
    /// <summary>Most curves that can be told apart: the base and five others.</summary>
    public const int MostSets = 6;

    private const int MostSteps = 200; // more than one step per three pixels can't be seen

    private static readonly ImmutableArray<PlotRole> s_colours = [PlotPalette.Ink, PlotPalette.C1, PlotPalette.C2, PlotPalette.C3,
        PlotPalette.C4, PlotPalette.C5];

    /// <summary>Draws it; null with fewer than two sides that have samples.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="what">What was measured, e.g. the cell.</param>
    /// <param name="sets">The base first.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(MetricDefinition metric, string what, IReadOnlyList<SampleSet> sets, string id = "distribution",
        int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(sets);
        (SampleSet Set, double[] Sorted, PlotRole Role, bool Base)[] curves =
        [
            .. sets.Take(MostSets).Select((s, i) => (s, s.Samples.Where(double.IsFinite).Order().ToArray(), s_colours[i], i == 0))
                .Where(c => c.Item2.Length > 1),
        ];
        if (curves.Length < 2) return null;
        // The key takes a line per two names, or one each on a phone: names of variants and backends are long.
        int perLine = width < PlotFigure.Wide ? 1 : 2;
        int keyHeight = 16 * ((curves.Length + perLine - 1) / perLine);
        (double Min, double Max) x = PlotScale.Around(curves.SelectMany(c => (double[])[c.Sorted[0], c.Sorted[^1]]), 0.05);
        var canvas = new PlotCanvas(width, 250 + keyHeight, 56, x, (0, 1), top: 34 + keyHeight, bottom: 42);
        canvas.Ticks(true, metric.Unit == "B" ? PlotScale.Bytes(canvas.X) : PlotScale.Linear(canvas.X));
        canvas.Ticks(false, [(0, "0 %"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1, "100 %")]);
        canvas.AxisTitles($"{metric.Title}{(metric.Unit is "1" or "B" ? "" : $", {metric.Unit}")}{Better(metric)}",
            "share of samples at or below");
        for (int i = 0; i < curves.Length; i++)
        {
            (double px, double py) = (8 + (i % perLine * (width / (double)perLine)), 16 + (16 * (i / perLine)));
            canvas.Word(px, py, curves[i].Base ? "╌╌" : "━━", role: curves[i].Role);
            canvas.Word(px + 28, py, $"{curves[i].Set.Name}{(curves[i].Base ? " (base)" : "")}");
            Curve(canvas, curves[i].Sorted, curves[i].Role, curves[i].Base);
        }

        string title = $"Distribution of {MetricText.Of(metric)}";
        string unit = metric.Unit is "1" ? "" : '\u00a0' + metric.Unit;
        string finding =
            $"Half of the samples of {what} lie at or below "
                + $"{string.Join(", ", curves.Select(c => $"{Value(metric, Descriptive.Median(c.Sorted))} ({c.Set.Name})"))}.";
        return new PlotFigure(
            id, title, finding,
            "Each curve climbs by one sample at its value: steep where many samples agree, a long foot or shoulder where some are far off. "
                + "Base dashed, the others solid.",
            canvas.Render(id, title, finding),
            ["Side", "Samples", $"Least{Head(unit)}", $"p25{Head(unit)}", $"Median{Head(unit)}", $"p75{Head(unit)}", $"p90{Head(unit)}",
                $"p99{Head(unit)}", $"Most{Head(unit)}"],
            [
                .. curves.Select(c => (ImmutableArray<string>)
                [
                    c.Set.Name, Format.Count(c.Sorted.Length), Bare(c.Sorted[0]), Bare(Descriptive.Quantile(c.Sorted, 0.25)),
                    Bare(Descriptive.Median(c.Sorted)), Bare(Descriptive.Quantile(c.Sorted, 0.75)),
                    Percentile(c.Sorted, 0.9, Descriptive.P90Observations), Percentile(c.Sorted, 0.99, Descriptive.P99Observations),
                    Bare(c.Sorted[^1]),
                ]),
            ]);
    }

    private static string Better(MetricDefinition metric) =>
        metric.Direction switch { Direction.Higher => ", more is better", Direction.Lower => ", less is better", _ => "" };

    private static string Head(string unit) => unit.Length == 0 ? "" : $" ({unit.Trim()})";

    private static string Bare(double value) => Format.Number(value, 4);

    private static string Value(MetricDefinition metric, double value) => Format.Value(value, metric);

    private static string Percentile(double[] sorted, double q, int needed) =>
        sorted.Length >= needed ? Bare(Descriptive.Quantile(sorted, q))
            : $"needs {Format.Count(needed)} samples, has {Format.Count(sorted.Length)}";

    private static void Curve(PlotCanvas canvas, double[] sorted, PlotRole role, bool dashed)
    {
        int count = Math.Min(sorted.Length, MostSteps);
        double atX = sorted[0];
        double atY = 0;
        var xs = new List<double> { atX };
        var ys = new List<double> { atY };
        for (int i = 1; i <= count; i++)
        {
            int upTo = (int)Math.Ceiling(i * (double)sorted.Length / count);
            double nextX = sorted[upTo - 1];
            double nextY = upTo / (double)sorted.Length;
            if (nextX != atX)
            {
                xs.Add(nextX);
                ys.Add(atY);
            }

            xs.Add(nextX);
            ys.Add(nextY);
            (atX, atY) = (nextX, nextY);
        }

        canvas.Path(xs, ys, role, dashed ? 2 : 1.8f, dashed);
    }
}
