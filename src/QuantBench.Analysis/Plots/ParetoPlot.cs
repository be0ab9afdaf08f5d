using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Plots;

/// <summary>Quality, speed and size at once: generation speed against divergence (or perplexity change), area of the bubble = artifact
/// size.</summary>
internal static class ParetoPlot
{
    /// <summary>Draws it; null when fewer than two variants of one model and backend have the figures.</summary>
    /// <param name="rows">Rows of one model and backend.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(IReadOnlyList<RunRow> rows, string id = "pareto", int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(rows);
        bool kl = rows.Count(r => r.First(MetricTable.MeanDivergence.Name)?.Value > 0) >= 2;
        string quality = kl ? MetricTable.MeanDivergence.Name : "ppl_change";
        Point[] points =
        [
            .. rows.Select(r => (Row: r, Speed: r.First(MetricTable.GenerationSpeed.Name), Quality: r.First(quality),
                    Size: r[MetricTable.ArtifactSize.Name]))
                .Where(p => p.Speed?.Value > 0 && p.Quality?.Value is { } q && (!kl || q > 0))
                // checked above
                .Select(p => new Point(p.Row, p.Speed!.Value!.Value, p.Quality!.Value!.Value, p.Size, p.Speed.Text, p.Quality.Text)),
        ];
        if (points.Length < 2) return null;

        ImmutableArray<Point> front = [.. points.Where(p => !points.Any(o => Dominates(o, p))).OrderBy(p => p.Speed)];
        bool log = kl && points.Max(p => p.Loss) / points.Min(p => p.Loss) > 10;
        double Y(double loss) => log ? Math.Log10(loss) : loss;

        var canvas = new PlotCanvas(width, 420, 62, PlotScale.Around(points.Select(p => p.Speed), 0.12),
            PlotScale.Around(points.Select(p => Y(p.Loss)), 0.12));
        canvas.Ticks(true, PlotScale.Linear(canvas.X));
        canvas.Ticks(false,
            log ? PlotScale.Log(canvas.Y)
                : kl ? PlotScale.Linear(canvas.Y) : PlotScale.Linear(canvas.Y).Select(t => (t.At, Format.Change(t.At))));
        canvas.AxisTitles("generation speed, token/s, more is better",
            kl ? $"mean KL divergence, nat{(log ? " (log)" : "")}, lower is better" : "perplexity change, lower is better");
        canvas.ClassKey(points.Select(p => p.Row.Class));
        for (int i = 1; i < front.Length; i++)
        {
            // A step, not a slope: nothing between two variants can be had.
            canvas.Line(front[i - 1].Speed, Y(front[i - 1].Loss), front[i - 1].Speed, Y(front[i].Loss), PlotPalette.Ink3, 1.5f);
            canvas.Line(front[i - 1].Speed, Y(front[i].Loss), front[i].Speed, Y(front[i].Loss), PlotPalette.Ink3, 1.5f);
        }

        double largest = points.Max(p => p.Size ?? 0);
        foreach (Point p in points)
        {
            float size = p.Size is > 0 && largest > 0 ? (float)Math.Max(7, 26 * Math.Sqrt(p.Size.Value / largest)) : 10;
            canvas.Marker(p.Speed, Y(p.Loss), p.Row.Class, hollow: !front.Contains(p), size);
            canvas.Occupy(p.Speed, Y(p.Loss), size / 2);
            canvas.Hover(p.Speed, Y(p.Loss),
                $"{p.Row.Variant.ShortName}: {p.SpeedText} token/s, {(kl ? "mean KL" : "ΔPPL")} "
                    + $"{p.LossText}{(p.Size is { } bytes ? $", {Format.Bytes(bytes)}" : "")}", Math.Max(9, size / 2));
        }

        foreach (Point p in points.OrderByDescending(front.Contains))
            canvas.Label(p.Speed, Y(p.Loss), p.Row.Variant.ShortName,
                p.Size is > 0 && largest > 0 ? Math.Max(8, 4 + (13 * Math.Sqrt(p.Size.Value / largest))) : 8);

        Point fastest = front[^1];
        Point closest = front[0];
        string finding = front.Length == 1
            ? $"{fastest.Row.Variant.ShortName} is both the fastest ({fastest.SpeedText} token/s) and the closest to the reference: no "
                + "other variant is worth a look on these two axes."
            : $"{front.Length} of {points.Length} variants are not beaten on both axes, from {closest.Row.Variant.ShortName} "
                + $"({closest.LossText}{(kl ? " nat" : "")}, {closest.SpeedText} token/s) to {fastest.Row.Variant.ShortName} "
                + $"({fastest.LossText}{(kl ? " nat" : "")}, {fastest.SpeedText} token/s).";
        string[] leftOut = [.. rows.Where(r => points.All(p => p.Row != r)).Select(r => r.Variant.ShortName)];
        const string title = "Quality, speed and size";
        return new PlotFigure(
            id, title, finding,
            $"Filled markers joined by the line are beaten by no other variant on both axes; hollow ones are. The marker's area is the "
                + $"artifact's "
                + $"size.{(leftOut.Length > 0 ? " Without a figure on one axis (the reference has no divergence from itself): "
                + $"{string.Join(", ", leftOut)}." : "")}",
            canvas.Render(id, title, finding),
            ["Variant", "tg (token/s)", kl ? "Mean KL (nat)" : "ΔPPL", "Size", "Not beaten"],
            [.. points.Select(p =>
                (ImmutableArray<string>)[p.Row.Variant.Id, p.SpeedText, p.LossText, p.Size is { } s ? Format.Bytes(s) : Format.Missing,
                    front.Contains(p) ? "yes" : "no"])]);
    }

    private static bool Dominates(Point a, Point b) => a.Speed >= b.Speed && a.Loss <= b.Loss && (a.Speed > b.Speed || a.Loss < b.Loss);

    private sealed record Point(RunRow Row, double Speed, double Loss, double? Size, string SpeedText, string LossText);
}
