using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Plots;

/// <summary>A curve per variant: generation speed over what stands in the cache or over sequences at once, divergence over the reference's
/// confidence or over the position.</summary>
internal static class CurvePlot
{
    private static readonly string[] s_confidences = ["< 0.2", "0.2 to 0.4", "0.4 to 0.6", "0.6 to 0.8", "≥ 0.8"];
    private static readonly string[] s_quarters = ["1st quarter", "2nd quarter", "3rd quarter", "last quarter"];

    /// <summary>Generation speed over the values of a setting; null unless a variant was measured at two.</summary>
    /// <param name="rows">Rows of one model and backend.</param>
    /// <param name="setting"><c>depth</c> or <c>parallel</c>.</param>
    /// <param name="title">Title of the figure.</param>
    /// <param name="axis">What the setting is.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Speed(IReadOnlyList<RunRow> rows, string setting, string title, string axis, string id,
        int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(rows);
        Point[] points =
        [
            .. rows.SelectMany(r => r.Cells.Select(c => (Row: r, Cell: c, Speed: c.Metric(MetricTable.GenerationSpeed.Name))))
                .Where(p => p.Speed is { IsDisturbed: false } speed && double.IsFinite(speed.Value))
                .GroupBy(p => (p.Row, Others: p.Cell.Cell.Settings.Without(setting).ToString()))
                .SelectMany(line => line.Select(p => new Point(p.Row, line.Key.Others, p.Cell.Cell.Settings.Int(setting),
                    p.Cell.Cell.Settings.Int(setting).ToString(CultureInfo.InvariantCulture), p.Speed!.Value))),
        ];
        return Draw(points, new Words(title, axis, "tokens per second, more is better", "speed (token/s)", "token/s",
            "Generated tokens per second, of all sequences together."), id, width);
    }

    /// <summary>Divergence over the reference's confidence; null unless a variant has two of its parts.</summary>
    /// <param name="rows">Rows of one model and backend.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Confidence(IReadOnlyList<RunRow> rows, string id, int width = PlotFigure.Wide) =>
        Draw(Parts(rows, MetricTable.DivergenceByConfidence, s_confidences), new Words("Divergence by confidence",
            "probability of the reference's most likely token", "mean KL, nat, lower is better", "KL (nat)", "nat",
            "Where the reference is sure, a quant that isn't changes what is said; where it isn't, many words would do."), id, width);

    /// <summary>Divergence over the position; null unless a variant has two of its parts.</summary>
    /// <param name="rows">Rows of one model and backend.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Position(IReadOnlyList<RunRow> rows, string id, int width = PlotFigure.Wide) =>
        Draw(Parts(rows, MetricTable.DivergenceByDepth, s_quarters), new Words("Divergence by position",
            "position in the scored half of a chunk", "mean KL, nat, lower is better", "KL (nat)", "nat",
            "A curve that rises says that errors add up over the context, as those of a rounded KV cache do."), id, width);

    private static Point[] Parts(IReadOnlyList<RunRow> rows, ImmutableArray<MetricDefinition> parts, string[] names) =>
    [
        .. rows.SelectMany(r => r.Cells.SelectMany(c => parts.SelectMany((part, i) => c.Metric(part.Name) is { Value: > 0 } measured
            ? (Point[])[new Point(r, c.Cell.Settings.ToString(), i, names[i], measured.Value)] : []))),
    ];

    private static PlotFigure? Draw(Point[] points, Words words, string id, int width)
    {
        Point[][] lines =
        [
            .. points.GroupBy(p => (p.Row, p.Others)).Select(g => g.DistinctBy(p => p.X).OrderBy(p => p.X).ToArray())
                .Where(line => line.Length > 1),
        ];
        if (lines.Length == 0) return null;
        Point[] all = [.. lines.SelectMany(l => l)];
        bool log = all.Min(p => p.Y) > 0 && all.Max(p => p.Y) / all.Min(p => p.Y) > 10;
        double Y(Point p) => log ? Math.Log10(p.Y) : p.Y;
        (double Min, double Max) y = PlotScale.Around(all.Select(Y), 0.12);
        var canvas = new PlotCanvas(width, 340, 72, PlotScale.Around(all.Select(p => p.X), 0.12), log ? y : (Math.Max(0, y.Min), y.Max));
        canvas.Ticks(true, all.DistinctBy(p => p.X).OrderBy(p => p.X).Select(p => (p.X, p.Name)));
        canvas.Ticks(false, log ? PlotScale.Log(canvas.Y) : PlotScale.Linear(canvas.Y));
        canvas.AxisTitles(words.X, words.Y + (log ? " (log)" : ""));
        canvas.ClassKey(lines.Select(l => l[0].Row.Class));
        foreach (Point[] line in lines)
        {
            canvas.Path([.. line.Select(p => p.X)], [.. line.Select(Y)], PlotPalette.Of(line[0].Row.Class), 1.8f);
            foreach (Point p in line)
            {
                canvas.Marker(p.X, Y(p), p.Row.Class, size: 8);
                canvas.Occupy(p.X, Y(p));
                canvas.Hover(p.X, Y(p), $"{p.Row.Variant.ShortName}: {p.Name}: {Format.Number(p.Y)} {words.Unit}");
            }

            canvas.Label(line[^1].X, Y(line[^1]), line[^1].Row.Variant.ShortName);
        }

        Point[] steepest = lines.MaxBy(l => Math.Abs(Math.Log(Math.Max(l[^1].Y, 1e-300) / Math.Max(l[0].Y, 1e-300))))!; // some
        string finding = $"{steepest[0].Row.Variant.ShortName} changes most: {Format.Number(steepest[0].Y)} {words.Unit} at "
            + $"{steepest[0].Name}, {Format.Number(steepest[^1].Y)} {words.Unit} at {steepest[^1].Name}.";
        return new PlotFigure(id, words.Title, finding, words.Note, canvas.Render(id, words.Title, finding),
            ["Variant", words.X, words.Column],
            [.. all.Select(p => (ImmutableArray<string>)[p.Row.Variant.Id, p.Name, Format.Number(p.Y)])]);
    }

    private sealed record Words(string Title, string X, string Y, string Column, string Unit, string Note);

    private sealed record Point(RunRow Row, string Others, double X, string Name, double Y);
}
