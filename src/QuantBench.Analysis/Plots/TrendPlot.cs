using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Plots;

/// <summary>One series over time: a dot with its interval per run, the median of each level as a line, a vertical line where the level
/// changed.</summary>
public static class TrendPlot
{
    private const int LongestAxis = 5; // ticks
    private const int FewestForBand = 6; // a median of fewer has no 95 % interval
    private const int BandResamples = 400; // a band is a few pixels high: more would show nothing
    private const int MostDots = 160; // closer than four pixels they are a smear

    /// <summary>Draws one series; null with fewer than two points.</summary>
    /// <param name="series">The series.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(TrendSeries series, string id = "trend", int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(series);
        return Draw([series], null, id, width);
    }

    /// <summary>Draws the series of one cell under each other, one per machine: each with its own axis of values, all with one of
    /// time.</summary>
    /// <param name="all">Series of one metric; those with fewer than two points are left out, which the caption says.</param>
    /// <param name="axis">The axis of time; null = runs side by side, whenever they were made.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    /// <returns>The figure, or null when no series has two points.</returns>
    public static PlotFigure? Draw(IReadOnlyList<TrendSeries> all, TrendAxis? axis, string id = "trend", int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(all);
        TrendSeries[] drawn = [.. all.Where(s => s.Points.Length > 1)];
        if (drawn.Length == 0) return null;
        TrendSeries first = drawn[0];
        bool many = drawn.Length > 1;
        string unit = first.Metric.Unit is "1" ? "" : $" ({first.Metric.Unit})";
        string metric = MetricText.Title(first.Metric);
        string title = many ? $"{metric} of {first.Title} per machine" : $"{metric} of {first.Title} on {first.Host}";
        string finding = string.Join(" ", drawn.Select(s => Finding(s, many)));
        // A single panel has its axis and nothing below; stacked ones need room for the host's name, and only the last for words under the
        // axis.
        (string Svg,
            int Height)[] panels = [
                .. drawn.Select((s, i) => Panel(s, axis, many ? $"{id}-{i}" : id, width, many, last: i == drawn.Length - 1))];
        int together = Together(drawn.Max(s => s.Points.Length));
        string dots = together == 1 ? "Dots are runs with their own 95 % interval"
            : $"Dots are medians of {together} neighbouring runs ({drawn.Max(s => s.Points.Length)} in all, each in the table)";
        string left = all.Count > drawn.Length
            ? $" Left out, with one run only: {string.Join(", ", all.Where(s => s.Points.Length < 2).Select(s => s.Host))}." : "";
        return new PlotFigure(
            id, title, finding,
            $"{dots}, horizontal lines the median of a level with its 95 % interval as a band, vertical lines changes that the noise of "
                + $"the series can't explain.{(many ? " Each machine has its own scale: machines aren't compared here." : "")}{left}",
            PlotStack.Join(panels, width, id, title, finding),
            [.. many ? (string[])["Machine"] : [], "Run", "Started", $"{metric}{unit}", "95 % interval"],
            [
                .. drawn.SelectMany(s => s.Points.Select(p => (ImmutableArray<string>)
                    [.. many ? (string[])[s.Host] : [], p.RunId, Format.Time(p.Started), Format.Number(p.Value, 5),
                        p.Interval is { } i ? Format.Interval(i.Low, i.High) : "unavailable"])),
            ]);
    }

    private static string Finding(TrendSeries series, bool many) =>
        (many ? series.Host + ": " : "") + (series.TooShort is { } tooShort ? $"{series.Points.Length} runs: {tooShort}."
            : series.Changes.IsEmpty ? $"No change of level in {series.Points.Length} runs."
            : many ? $"{TrendText.Finding(series)}."
            : string.Join(" ", series.Changes.Select(c => TrendText.Sentence(series, c) + ".")));

    private static (string Svg, int Height) Panel(TrendSeries series, TrendAxis? axis, string id, int width, bool named, bool last)
    {
        ImmutableArray<TrendPoint> points = series.Points;
        double[] at = [.. points.Select((p, i) => axis is null ? i : axis.At(p.Started))];
        IEnumerable<double> ends = points.SelectMany(p => (double[])[p.Value, p.Interval?.Low ?? p.Value, p.Interval?.High ?? p.Value]);
        int height = !named ? 240 : last ? 196 : 168;
        var canvas = new PlotCanvas(width, height, 62, axis is null ? (-0.5, points.Length - 0.5) : (0, axis.Days),
            PlotScale.Around(ends, 0.15), top: named ? 46 : 34, bottom: last ? 40 : 12);
        int most = width < PlotFigure.Wide ? (LongestAxis + 1) / 2 : LongestAxis;
        int step = Math.Max(1, (points.Length + most - 1) / most);
        IEnumerable<(double At, string Text)> ticks = axis?.Ticks(most)
            ?? Enumerable.Range(0, points.Length).Where(i => i % step == 0)
                .Select(i => ((double)i, points[i].Started.UtcDateTime.ToString("d MMM HH:mm", CultureInfo.InvariantCulture)));
        canvas.Ticks(true, last ? ticks : ticks.Select(t => (t.At, "")));
        canvas.Ticks(false, series.Metric.Unit == "B" ? PlotScale.Bytes(canvas.Y) : PlotScale.Linear(canvas.Y));
        canvas.AxisTitles(last ? axis is null ? "runs, oldest first" : "UTC" : "",
            $"{MetricText.Title(series.Metric)}{(series.Metric.Unit is "1" or "B" ? "" : ", " + series.Metric.Unit)}");
        if (named) canvas.Word(8, 15, series.Host, role: PlotPalette.Ink);
        Levels(canvas, series, at);
        Changes(canvas, series, at);
        int together = Together(points.Length);
        for (int i = 0; i < points.Length; i += together)
        {
            TrendPoint[] some = [.. points.Skip(i).Take(together)];
            if (together == 1 && some[0].Interval is { } interval)
                canvas.Line(at[i], interval.Low, at[i], interval.High, PlotPalette.Ink3, 1.2f);
            (double x, double y) = (at[i..(i + some.Length)].Average(), Descriptive.Median([.. some.Select(p => p.Value)]));
            canvas.Dot(x, y);
            string shown = together == 1 && some[0].Interval is { } own ? $" ({Format.Interval(own.Low, own.High)})" : "";
            canvas.Hover(x, y,
                $"{some[0].RunId}{(together == 1 ? "" : $" and {together - 1} more")}, {Format.Time(some[0].Started)}: "
                    + $"{Format.Value(y, series.Metric)}{shown}", radius: 5);
        }

        return (canvas.Render(id, series.Host, series.Host), height);
    }

    private static int Together(int points) => (points + MostDots - 1) / MostDots;

    private static void Levels(PlotCanvas canvas, TrendSeries series, double[] at)
    {
        int from = 0;
        foreach (int to in series.Changes.Select(c => c.Index).Append(series.Points.Length))
        {
            double[] values = [.. series.Points[from..to].Select(p => p.Value)];
            double level = Descriptive.Median(values);
            // A little beyond the first and last run, so that a level of one run has a line too.
            double room = (canvas.X.Max - canvas.X.Min) / 100;
            (double left, double right) = (at[from] - room, at[to - 1] + room);
            if (values.Length >= FewestForBand && Bootstrap.Median(values, BandResamples) is { HalfWidth: > 0 } band)
                canvas.Box(left, right, band.Low, band.High, PlotPalette.Grid);
            canvas.Line(left, level, right, level, PlotPalette.Ink, 1.6f);
            from = to;
        }
    }

    // Between the last run on the old level and the first on the new: it happened somewhere there.
    private static void Changes(PlotCanvas canvas, TrendSeries series, double[] at)
    {
        foreach (TrendChange change in series.Changes)
        {
            PlotRole role = change.Worse switch { true => PlotPalette.Worse, false => PlotPalette.Better, _ => PlotPalette.Ink3 };
            double x = (at[change.Index - 1] + at[change.Index]) / 2;
            canvas.Line(x, canvas.Y.Min, x, canvas.Y.Max, role, 1.2f);
            canvas.Label(x, canvas.Y.Max, change.Absolute ? Format.Number(change.Difference) : Format.Change(change.Difference));
        }
    }
}
