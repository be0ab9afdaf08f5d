using System.Collections.Immutable;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Estimates;
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
        // The reference loses nothing by definition: it isn't one of those that are weighed against each other.
        Point[] points =
        [
            .. rows.Where(r => !r.IsReference).Select(r => (Row: r, Speed: r.First(MetricTable.GenerationSpeed.Name),
                    Quality: r.First(quality), Size: r[MetricTable.ArtifactSize.Name]))
                .Where(p => p.Speed is { Value: > 0, Source: not null } && p.Quality?.Value is { } q && (!kl || q > 0))
                // checked above
                .Select(p => new Point(p.Row, Estimate.Of(p.Speed!.Source!), Loss(p.Quality!), p.Size, p.Speed.Text, p.Quality!.Text)),
        ];
        if (points.Length < 2) return null;

        ImmutableArray<(FrontPlace Place, int By)> places =
            ParetoAnalyzer.Places([.. points.Select(p => (ImmutableArray<Estimate>)[p.SpeedEstimate, p.LossEstimate])], [true, false], 0);
        for (int i = 0; i < points.Length; i++) points[i] = points[i] with { Place = places[i].Place };
        ImmutableArray<Point> front = [.. points.Where(p => p.Place == FrontPlace.Front).OrderBy(p => p.Speed)];
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
            canvas.Marker(p.Speed, Y(p.Loss), p.Row.Class, hollow: p.Place != FrontPlace.Front, size);
            canvas.Occupy(p.Speed, Y(p.Loss), size / 2);
            canvas.Hover(p.Speed, Y(p.Loss),
                $"{p.Row.Variant.ShortName}: {p.SpeedText} token/s, {(kl ? "mean KL" : "ΔPPL")} "
                    + $"{p.LossText}{(p.Size is { } bytes ? $", {Format.Bytes(bytes)}" : "")}", Math.Max(9, size / 2));
        }

        foreach (Point p in points.OrderByDescending(front.Contains))
            canvas.Label(p.Speed, Y(p.Loss), p.Row.Variant.ShortName,
                p.Size is > 0 && largest > 0 ? Math.Max(8, 4 + (13 * Math.Sqrt(p.Size.Value / largest))) : 8);

        string unit = kl ? "\u00a0nat" : "";
        string finding = Finding(points, front, unit);
        string[] leftOut = [.. rows.Where(r => points.All(p => p.Row != r)).Select(r => r.Variant.ShortName)];
        const string title = "Quality, speed and size";
        return new PlotFigure(
            id, title, finding,
            "Filled markers joined by the line are beaten by no other variant on both axes; hollow ones are, by their estimates at least: "
                + "the table says of which it is shown. The marker's area is the artifact's size."
                + (leftOut.Length == 0 ? ""
                    : $" Without a figure on one axis (the reference has no divergence from itself): {string.Join(", ", leftOut)}."),
            canvas.Render(id, title, finding),
            ["Variant", "tg (token/s)", kl ? "Mean KL (nat)" : "ΔPPL", "Size", "Place"],
            [.. points.Select(p =>
                (ImmutableArray<string>)[p.Row.Variant.Id, p.SpeedText, p.LossText, p.Size is { } s ? Format.Bytes(s) : Format.Missing,
                    DecisionText.Word(p.Place)])]);
    }

    private static Estimate Loss(RunFigure figure) => figure.Error is { } error ? Estimate.WithError(figure.Value!.Value, error)
        : figure.Source is { } source && source.Value == figure.Value ? Estimate.Of(source)
        : new Estimate(figure.Value!.Value, figure.Value.Value, figure.Value.Value, Certainty.Single); // drawn figures have a value

    // The ends of the front are estimates; "both" is said only of what is shown to beat all others.
    private static string Finding(Point[] points, ImmutableArray<Point> front, string unit)
    {
        string Name(Point p) => p.Row.Variant.ShortName;
        string Figures(Point p) => $"{p.SpeedText} token/s, {p.LossText}{unit}";
        string[] open = [.. points.Where(p => p.Place == FrontPlace.MaybeFront).Select(Name)];
        string unsure = open.Length == 0 ? ""
            : $" {PlotWords.List(open)} {(open.Length == 1 ? "is" : "are")} beaten by estimates alone: the intervals don't show it.";
        if (front.Length > 1)
            return $"{front.Length} of {points.Length} variants are not beaten on both axes, from {Name(front[0])} "
                + $"({Figures(front[0])}) to {Name(front[^1])} ({Figures(front[^1])}).{unsure}";
        return open.Length == 0
            ? $"{Name(front[0])} is shown to beat the {points.Length - 1} other variants on these two axes: {Figures(front[0])}."
            : $"{Name(front[0])} has the best estimate on both axes ({Figures(front[0])}).{unsure}";
    }

    private sealed record Point(RunRow Row, Estimate SpeedEstimate, Estimate LossEstimate, double? Size, string SpeedText, string LossText)
    {
        public FrontPlace Place { get; init; }

        public double Speed => SpeedEstimate.Value;

        public double Loss => LossEstimate.Value;
    }
}
