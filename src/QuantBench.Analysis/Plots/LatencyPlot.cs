using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Plots;

/// <summary>How long single tokens took, per variant: quartile box, 5th to 95th percentile line, median.</summary>
internal static class LatencyPlot
{
    private const int RowHeight = 24;
    private const int LeastSamples = 20; // below, quartiles say little; the table of the run has the figures

    /// <summary>Draws it; null when no variant has enough samples.</summary>
    /// <param name="rows">Rows of one model and backend.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(IReadOnlyList<RunRow> rows, string id = "latency", int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(rows);
        (RunRow Row, double[] Sorted, string P99)[] sets =
        [
            .. rows.Select(r => (Row: r, Samples: r.First(MetricTable.TokenLatency.Name)?.Source?.Samples))
                .Where(s => s.Samples?.Length >= LeastSamples)
                // length checked above
                .Select(s => (s.Row, Sorted: s.Samples!.Order().ToArray(),
                    s.Row.First(MetricTable.TokenLatency.Name + "_p99")?.Text ?? Format.Missing)),
        ];
        if (sets.Length == 0) return null;

        // One variant far off would press the others flat.
        double[] ends = [.. sets.SelectMany(s => new[] { Descriptive.Quantile(s.Sorted, 0.05), Descriptive.Quantile(s.Sorted, 0.95) })];
        bool log = ends.Min() > 0 && ends.Max() / ends.Min() > 10;
        double X(double ms) => log ? Math.Log10(ms) : ms;
        (double Min, double Max) x = PlotScale.Around(ends.Select(X));
        double left = 16 + (sets.Max(s => s.Row.Variant.ShortName.Length) * 7.5);
        var canvas = new PlotCanvas(width, 90 + (RowHeight * sets.Length), left, log ? x : (Math.Max(0, x.Min), x.Max),
            (-0.5, sets.Length - 0.5));
        canvas.Ticks(true, log ? PlotScale.Log(canvas.X) : PlotScale.Linear(canvas.X));
        canvas.Ticks(false, sets.Select((s, i) => ((double)(sets.Length - 1 - i), s.Row.Variant.ShortName)));
        canvas.AxisTitles($"time per generated token, ms{(log ? " (log)" : "")}, lower is better", "");
        canvas.ClassKey(sets.Select(s => s.Row.Class));
        for (int i = 0; i < sets.Length; i++)
        {
            double at = sets.Length - 1 - i;
            double[] sorted = sets[i].Sorted;
            double median = Descriptive.Quantile(sorted, 0.5);
            canvas.Line(X(Descriptive.Quantile(sorted, 0.05)), at, X(Descriptive.Quantile(sorted, 0.95)), at, PlotPalette.Ink3, 1.2f);
            canvas.Box(X(Descriptive.Quantile(sorted, 0.25)), X(Descriptive.Quantile(sorted, 0.75)), at - 0.22, at + 0.22,
                PlotPalette.Of(sets[i].Row.Class));
            canvas.HoverRow(at,
                $"{sets[i].Row.Variant.ShortName}: median {Ms(sorted, 0.5)} ms, quartiles {Ms(sorted, 0.25)} and {Ms(sorted, 0.75)} ms, "
                    + $"{Format.Count(sorted.Length)} samples");
            canvas.Marker(X(median), at, sets[i].Row.Class, hollow: true, 9);
        }

        (RunRow Row, double[] Sorted, string P99) fastest = sets.MinBy(s => Descriptive.Quantile(s.Sorted, 0.5));
        (RunRow Row, double[] Sorted, string P99) slowest = sets.MaxBy(s => Descriptive.Quantile(s.Sorted, 0.5));
        string finding = sets.Length == 1
            ? $"Half of the tokens of {fastest.Row.Variant.ShortName} took {Ms(fastest.Sorted, 0.5)} ms or less."
            : $"The median time per token goes from {Ms(fastest.Sorted, 0.5)} ms ({fastest.Row.Variant.ShortName}) to "
                + $"{Ms(slowest.Sorted, 0.5)} ms ({slowest.Row.Variant.ShortName})"
                + (PlotWords.AreApart(Median(fastest.Row), Median(slowest.Row)) ? "." : "; their intervals don't tell the two apart.");
        const string title = "Time per generated token";
        return new PlotFigure(
            id, title, finding,
            $"Box: quartiles; line: 5th to 95th percentile; marker: median. Variants with fewer than {LeastSamples} samples are left out.",
            canvas.Render(id, title, finding),
            ["Variant", "Samples", "p5 (ms)", "p25 (ms)", "Median (ms)", "p75 (ms)", "p95 (ms)", "p99 (ms)"],
            [
                .. sets.Select(s => (ImmutableArray<string>)
                [
                    s.Row.Variant.Id, Format.Count(s.Sorted.Length), Ms(s.Sorted, 0.05), Ms(s.Sorted, 0.25), Ms(s.Sorted, 0.5),
                    Ms(s.Sorted, 0.75),
                    s.Sorted.Length >= Descriptive.P95Observations ? Ms(s.Sorted, 0.95) : Format.Missing, s.P99,
                ]),
            ]);
    }

    private static Measurement? Median(RunRow row) => row.First(MetricTable.TokenLatency.Name)?.Source;

    private static string Ms(double[] sorted, double q) => Format.Number(Descriptive.Quantile(sorted, q));
}
