using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Loads;
using QuantBench.Analysis.Tables;

namespace QuantBench.Analysis.Plots;

/// <summary>Latency of a server against its load, per variant: time to first token, median and 99th percentile, over the requests per
/// second that were answered; each variant's knee, and the front over all of them.</summary>
internal static class LoadPlot
{
    /// <summary>Draws it; null when no cell has both figures.</summary>
    /// <param name="rows">Rows of one model and backend.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(IReadOnlyList<RunRow> rows, string id, int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(rows);
        LoadCurves curves = LoadCurves.Of(rows.SelectMany(r => r.Cells));
        LoadPoint[] knees = [.. curves.Points.Select(p => p.Variant.Id).Distinct().Select(curves.Knee).OfType<LoadPoint>()];
        Point[] points =
        [
            .. curves.Points.Select(p => new Point(rows.First(r => r.Cells.Contains(p.Cell)), p.Load, p.Rate.Value, p.Latency.Value, p.Tail)
            {
                IsKnee = knees.Contains(p),
                Place = curves.Place(p),
            }),
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
        Point[] front = [.. points.Where(p => p.Place == FrontPlace.On)];
        if (points.Length > 1 && front.Length > 1)
            canvas.Path([.. front.Select(p => p.Rate)], [.. front.Select(p => Y(p.Median))], PlotPalette.Ink3, 5);
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
                if (p.IsKnee) canvas.Mark(PlotShape.Circle, p.Rate, Y(p.Median), PlotPalette.Ink, 18, PlotPalette.Panel);
                if (p.IsKnee) canvas.Marker(p.Rate, Y(p.Median), p.Row.Class);
                canvas.Occupy(p.Rate, Y(p.Median));
                canvas.Hover(p.Rate, Y(p.Median), $"{p.Row.Variant.ShortName}: {p.Load}: {Format.Number(p.Rate)} requests/s, "
                    + $"median {Format.Number(p.Median)} ms, p99 {Ms(p.Tail)}{(p.Tail is null ? "" : " ms")}"
                    + $"{(p.IsKnee ? ", the knee" : "")}, {Word(p.Place)}");
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
        if (knees.Length > 0)
        {
            finding += " Knee: " + string.Join(", ", knees.Select(k =>
                $"{k.Variant.ShortName} at {Format.Number(k.Rate.Value)} requests per second ("
                    + $"{string.Join(" or ", curves.NearKnee(k.Variant.Id).Prepend(k).Select(p => p.Load))})")) + ".";
        }

        const string title = "Latency against load";
        return new PlotFigure(
            id, title, finding,
            "Filled markers and the solid line: median; hollow ones and the dashed line: 99th percentile, where requests were enough. "
                + "Latency counts from the intended moment of sending. Ring: the knee, the load with the most requests per second for each "
                + "millisecond of waiting, where loads on both sides were measured. Broad grey line: the front; no load on it is answered "
                + "more often and sooner by another.",
            canvas.Render(id, title, finding), ["Variant", "Load", "Answered (1/s)", "Median (ms)", "p99 (ms)", "Knee", "Front"],
            [
                .. points.OrderBy(p => p.Row.Variant.Id, StringComparer.Ordinal).ThenBy(p => p.Rate).Select(p => (ImmutableArray<string>)
                    [
                        p.Row.Variant.Id, p.Load, Format.Number(p.Rate), Format.Number(p.Median), Ms(p.Tail), p.IsKnee ? "knee" : "",
                        Word(p.Place),
                    ]),
            ]);
    }

    private static string Ms(double? ms) => ms is { } value ? Format.Number(value) : Format.Missing;

    private static string Word(FrontPlace place) => place switch
    {
        FrontPlace.On => "on the front",
        FrontPlace.NotToldFrom => "not told from the front",
        _ => "behind the front",
    };

    private sealed record Point(RunRow Row, string Load, double Rate, double Median, double? Tail)
    {
        public bool IsKnee { get; init; }

        public FrontPlace Place { get; init; }
    }
}
