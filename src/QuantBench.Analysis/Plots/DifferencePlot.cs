using System.Collections.Immutable;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Plots;

/// <summary>A difference of the plot.</summary>
/// <param name="Label">What it is of, short.</param>
/// <param name="Row">The comparison.</param>
public sealed record DifferenceBar(string Label, MetricComparison Row);

/// <summary>Differences with their intervals, one line each; right of the centre is better whatever the metric's direction.</summary>
public static class DifferencePlot
{
    private const int RowHeight = 22;
    private const double Widest = 1; // ×2
    private static readonly double[] s_ranges = [0.02, 0.05, 0.1, 0.2, 0.5, Widest];

    /// <summary>Draws it; null when no difference has a relative size.</summary>
    /// <param name="title">Title.</param>
    /// <param name="bars">The differences, from top to bottom.</param>
    /// <param name="left">How many others are left out; the caption says so.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(string title, IReadOnlyList<DifferenceBar> bars, int left = 0, string id = "differences",
        int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(bars);
        DifferenceBar[] drawn = [.. bars.Where(b => b.Row is { Absolute: false, Difference: { } d } && double.IsFinite(d))];
        if (drawn.Length == 0) return null;
        // Three of four fit: one ratio of ten would press all others flat.
        double reach = drawn.Select(b => Reach(b.Row)).Order().ElementAt((drawn.Length - 1) * 3 / 4);
        double range = s_ranges.FirstOrDefault(r => r >= reach, Widest);
        int letters = width < PlotFigure.Wide ? 22 : 44;
        double space = 16 + (Math.Min(letters, drawn.Max(b => b.Label.Length)) * 6.8);
        var canvas = new PlotCanvas(width, 74 + (RowHeight * drawn.Length), space, (-range * 1.06, range * 1.06),
            (-0.5, drawn.Length - 0.5), top: 28, bottom: 44);
        canvas.Ticks(true,
            PlotScale.Linear((-range, range))
                .Select(t => (t.At, Math.Abs(t.At) < 1e-12 ? "0" : $"{(t.At > 0 ? "+" : "−")}{Format.Number(Math.Abs(t.At) * 100, 2)} %")));
        canvas.Ticks(false, drawn.Select((b, i) => ((double)(drawn.Length - 1 - i), Cut(b.Label, letters))));
        canvas.Word(space, 16, "← worse");
        canvas.Word(width - 18, 16, "better →", "end");
        canvas.Word(width - 18, 66 + (RowHeight * drawn.Length), "difference to the base, turned so that right is better", "end");
        canvas.Line(0, -0.5, 0, drawn.Length - 0.5, PlotPalette.Ink3, 1);
        for (int i = 0; i < drawn.Length; i++)
        {
            MetricComparison row = drawn[i].Row;
            Bar(canvas, row, drawn.Length - 1 - i, range);
            canvas.HoverRow(drawn.Length - 1 - i,
                $"{drawn[i].Label}: "
                    + $"{Format.Change(row.Difference ?? 0)}{(row.Interval is { } ends ? $" ({Format.ChangeInterval(ends)})" : "")}, "
                    + $"{ComparisonText.Word(row.Verdict)}");
        }

        int Count(Verdict verdict) => drawn.Count(b => b.Row.Verdict == verdict);
        int unknown = Count(Verdict.NoErrorKnown);
        string finding =
            $"Of {Format.Count(drawn.Length)} differences {Count(Verdict.Better)} are shown to be better and {Count(Verdict.Worse)} worse."
                + (unknown > 0 ? $" Of {Format.Count(unknown)} no error is known." : "");
        return new PlotFigure(
            id, title, finding,
            $"Lines are 95 % intervals, ticks the estimates; grey where no difference is "
                + $"shown.{(drawn.Any(b => Reach(b.Row) > range) ? $" What lies beyond ±{Format.Number(range * 100, 2)} % ends in an "
                + "arrow; the table has its figure." : "")}{(left > 0 ? $" {Format.Count(left)} more are in the table below." : "")}",
            canvas.Render(id, title, finding), ["What", "Metric", "Base", "Candidate", "Difference", "95 % interval", "Verdict"],
            [
                .. drawn.Select(b => (ImmutableArray<string>)
                [
                    b.Label, b.Row.Metric.Name, Format.Value(b.Row.A), Format.Value(b.Row.B), Format.Change(b.Row.Difference ?? 0),
                    b.Row.Interval is { } ends ? Format.ChangeInterval(ends) : "none known",
                    ComparisonText.Word(b.Row.Verdict),
                ]),
            ]);
    }

    private static void Bar(PlotCanvas canvas, MetricComparison row, double at, double range)
    {
        double Side(double difference) => row.Metric.Direction == Direction.Lower ? -difference : difference;
        double Inside(double difference) => Math.Clamp(Side(difference), -range, range);
        PlotRole role = row.Verdict switch
        {
            Verdict.Better => PlotPalette.Better,
            Verdict.Worse => PlotPalette.Worse,
            _ => PlotPalette.Ink3
        };
        double estimate = row.Difference ?? 0;
        if (row.Interval is { } interval) canvas.Line(Inside(interval.Low), at, Inside(interval.High), at, role, 4);
        else canvas.Line(0, at, Inside(estimate), at, role, 1.2f);
        double place = Inside(estimate);
        if (Math.Abs(Side(estimate)) > range)
        {
            double tip = place + (Math.Sign(place) * range * 0.05);
            canvas.Line(place, at - 0.2, tip, at, role, 2);
            canvas.Line(place, at + 0.2, tip, at, role, 2);
        }
        else
        {
            canvas.Line(place, at - 0.3, place, at + 0.3, role, 2);
        }
    }

    private static double Reach(MetricComparison row)
    {
        double estimate = Math.Abs(row.Difference ?? 0);
        return row.Interval is { } i ? Math.Max(estimate, Math.Max(Math.Abs(i.Low), Math.Abs(i.High))) : estimate;
    }

    private static string Cut(string text, int letters) => text.Length <= letters ? text : text[..(letters - 1)] + "…";
}
