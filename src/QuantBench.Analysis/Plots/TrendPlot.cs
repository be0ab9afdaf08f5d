using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Plots;

/// <summary>One series over time: a dot with its interval per run, the median of each level as a line, a vertical line where the level changed.</summary>
public static class TrendPlot
{
    private const int LongestAxis = 5; // ticks
    private const int MostDots = 160; // closer than four pixels they are a smear

    /// <summary>Draws it; null with fewer than two points.</summary>
    /// <param name="series">The series.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(TrendSeries series, string id = "trend", int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(series);
        ImmutableArray<TrendPoint> points = series.Points;
        if (points.Length < 2) return null;
        // Runs stand at their place in the row, not in time: a night without a run is no gap in what was measured, and a busy hour no blot.
        IEnumerable<double> ends = points.SelectMany(p => (double[])[p.Value, p.Interval?.Low ?? p.Value, p.Interval?.High ?? p.Value]);
        var canvas = new PlotCanvas(width, 240, 62, (-0.5, points.Length - 0.5), PlotScale.Around(ends, 0.15), top: 34, bottom: 40);
        int most = width < PlotFigure.Wide ? LongestAxis / 2 : LongestAxis;
        int step = Math.Max(1, (points.Length + most - 1) / most);
        canvas.Ticks(true, Enumerable.Range(0, points.Length).Where(i => i % step == 0).Select(i => ((double)i, points[i].Started.UtcDateTime.ToString("d MMM HH:mm", CultureInfo.InvariantCulture))));
        canvas.Ticks(false, series.Metric.Unit == "B" ? PlotScale.Bytes(canvas.Y) : PlotScale.Linear(canvas.Y));
        canvas.AxisTitles("runs, oldest first", $"{series.Metric.Name}{(series.Metric.Unit is "1" or "B" ? "" : ", " + series.Metric.Unit)}");
        int from = 0;
        foreach (int to in series.Changes.Select(c => c.Index).Append(points.Length))
        {
            double level = Descriptive.Median([.. points[from..to].Select(p => p.Value)]);
            canvas.Line(from - 0.4, level, to - 0.6, level, PlotPalette.Ink, 1.6f);
            from = to;
        }

        foreach (TrendChange change in series.Changes)
        {
            PlotRole role = change.Worse switch { true => PlotPalette.Worse, false => PlotPalette.Better, _ => PlotPalette.Ink3 };
            canvas.Line(change.Index - 0.5, canvas.Y.Min, change.Index - 0.5, canvas.Y.Max, role, 1.2f);
            canvas.Label(change.Index - 0.5, canvas.Y.Max, Format.Change(change.Difference));
        }

        int together = (points.Length + MostDots - 1) / MostDots;
        for (int i = 0; i < points.Length; i += together)
        {
            TrendPoint[] some = [.. points.Skip(i).Take(together)];
            if (together == 1 && some[0].Interval is { } interval) canvas.Line(i, interval.Low, i, interval.High, PlotPalette.Ink3, 1.2f);
            canvas.Dot(i + ((some.Length - 1) / 2.0), Descriptive.Median([.. some.Select(p => p.Value)]));
        }

        string title = $"{series.Metric.Name} of {series.Title} on {series.Host}";
        string finding = series.TooShort is { } tooShort ? $"{points.Length} runs: {tooShort}."
            : series.Changes.IsEmpty ? $"No change of level in {points.Length} runs."
            : string.Join(" ", series.Changes.Select(c => TrendText.Sentence(series, c) + "."));
        return new PlotFigure(
            id, title, finding, $"{(together == 1 ? "Dots are runs with their own 95 % interval" : $"Dots are medians of {together} neighbouring runs ({points.Length} in all, each in the table)")}, horizontal lines the median of a level, vertical lines changes that the noise of the series can't explain.",
            canvas.Render(id, title, finding),
            ["Run", "Started", $"{series.Metric.Name}{(series.Metric.Unit is "1" ? "" : $" ({series.Metric.Unit})")}", "95 % interval"],
            [
                .. points.Select(p => (ImmutableArray<string>)
                    [p.RunId, Format.Time(p.Started), Format.Number(p.Value, 5), p.Interval is { } i ? Format.Interval(i.Low, i.High) : "unavailable"]),
            ]);
    }
}
