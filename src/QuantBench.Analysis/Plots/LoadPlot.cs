using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Plots;

/// <summary>Latency of a server against its load, per variant: time to first token, median and 99th percentile, over the requests per
/// second that were answered.</summary>
internal static class LoadPlot
{
    /// <summary>Draws it; null when no cell has both figures.</summary>
    /// <param name="rows">Rows of one model and backend.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(IReadOnlyList<RunRow> rows, string id, int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(rows);
        Point[] points =
        [
            .. rows.SelectMany(r => r.Cells.Select(c => (Row: r, Cell: c, Rate: c.Metric(MetricTable.RequestsPerSecond.Name),
                    Latency: c.Metric(MetricTable.ServedFirstToken.Name))))
                .Where(p => p.Rate?.Value > 0 && p.Latency?.Value > 0)
                // checked above
                .Select(p => new Point(p.Row, GoodputPlot.LoadOf(p.Cell), p.Rate!.Value, p.Latency!.Value,
                    p.Cell.Metric(MetricTable.ServedFirstTokenTail.Name)?.Value))
                .OrderBy(p => p.Rate),
        ];
        if (points.Length == 0) return null;

        double[] all = [.. points.SelectMany(p => p.Tail is { } tail ? (double[])[p.Median, tail] : [p.Median])];
        bool log = all.Max() / all.Min() > 10;
        double Y(double ms) => log ? Math.Log10(ms) : ms;
        (double Min, double Max) x = PlotScale.Around(points.Select(p => p.Rate), 0.12);
        (double Min, double Max) y = PlotScale.Around(all.Select(Y), 0.12);
        var canvas = new PlotCanvas(width, 340, 62, (Math.Max(0, x.Min), x.Max), log ? y : (Math.Max(0, y.Min), y.Max));
        canvas.Ticks(true, PlotScale.Linear(canvas.X));
        canvas.Ticks(false, log ? PlotScale.Log(canvas.Y) : PlotScale.Linear(canvas.Y));
        canvas.AxisTitles("requests answered per second", $"time to first token, ms{(log ? " (log)" : "")}, lower is better");
        canvas.ClassKey(points.Select(p => p.Row.Class));
        foreach (Point[] line in points.GroupBy(p => p.Row).Select(g => g.ToArray()))
        {
            PlotRole role = PlotPalette.Of(line[0].Row.Class);
            canvas.Path([.. line.Select(p => p.Rate)], [.. line.Select(p => Y(p.Median))], role, 1.8f);
            Point[] tails = [.. line.Where(p => p.Tail > 0)];
            if (tails.Length > 1)
            {
                // checked above
                canvas.Path([.. tails.Select(p => p.Rate)], [.. tails.Select(p => Y(p.Tail!.Value))], role, 1.2f, dashed: true);
            }

            foreach (Point p in line)
            {
                canvas.Marker(p.Rate, Y(p.Median), p.Row.Class);
                canvas.Occupy(p.Rate, Y(p.Median));
                canvas.Hover(p.Rate, Y(p.Median), $"{p.Row.Variant.ShortName}: {p.Load}: {Format.Number(p.Rate)} requests/s, "
                    + $"median {Format.Number(p.Median)} ms, p99 {Ms(p.Tail)}{(p.Tail is null ? "" : " ms")}");
                if (p.Tail > 0) canvas.Marker(p.Rate, Y(p.Tail.Value), p.Row.Class, hollow: true, 8);
            }

            canvas.Label(line[^1].Rate, Y(line[^1].Median), line[^1].Row.Variant.ShortName);
        }

        Point low = points.MinBy(p => p.Median)!; // some
        Point high = points.MaxBy(p => p.Median)!;
        string finding = points.Length == 1
            ? $"Half of the first tokens of {low.Row.Variant.ShortName} came within {Format.Number(low.Median)} ms at "
                + $"{Format.Number(low.Rate)} requests per second."
            : $"The median time to the first token goes from {Format.Number(low.Median)} ms ({low.Row.Variant.ShortName} at "
                + $"{Format.Number(low.Rate)} requests per second) to {Format.Number(high.Median)} ms ({high.Row.Variant.ShortName} at "
                + $"{Format.Number(high.Rate)}).";
        const string title = "Latency against load";
        return new PlotFigure(
            id, title, finding,
            "Filled markers and the solid line: median; hollow ones and the dashed line: 99th percentile, where requests were enough. "
                + "Latency counts from the intended moment of sending.",
            canvas.Render(id, title, finding), ["Variant", "Load", "Answered (1/s)", "Median (ms)", "p99 (ms)"],
            [
                .. points.OrderBy(p => p.Row.Variant.Id, StringComparer.Ordinal).ThenBy(p => p.Rate).Select(p => (ImmutableArray<string>)
                    [p.Row.Variant.Id, p.Load, Format.Number(p.Rate), Format.Number(p.Median), Ms(p.Tail)]),
            ]);
    }

    private static string Ms(double? ms) => ms is { } value ? Format.Number(value) : Format.Missing;

    private sealed record Point(RunRow Row, string Load, double Rate, double Median, double? Tail);
}
