using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Workloads;

namespace QuantBench.Analysis.Plots;

/// <summary>Requests per second that kept the SLO, per variant and load, beside all that were answered.</summary>
internal static class GoodputPlot
{
    private const int RowHeight = 24;
    private const double CharacterWidth = 6.8;

    /// <summary>What a cell's load is called.</summary>
    public static string LoadOf(CellResult cell) => WorkloadTable.Of(cell.Cell).Label(cell.Cell.Settings);

    /// <summary>Draws it; null when no cell has a goodput.</summary>
    /// <param name="rows">Rows of one model and backend.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(IReadOnlyList<RunRow> rows, string id, int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(rows);
        Bar[] bars =
        [
            .. rows.SelectMany(r => r.Cells.Select(c => (Row: r, Cell: c, Good: c.Metric(MetricTable.Goodput.Name))))
                .Where(b => b.Good is { } good && double.IsFinite(good.Value))
                // checked above
                .Select(b => new Bar(b.Row, LoadOf(b.Cell), b.Good!, b.Cell.Metric(MetricTable.RequestsPerSecond.Name)?.Value)),
        ];
        if (bars.Length == 0) return null;

        double most = bars.Max(b => Math.Max(b.Good.Ci95?[1] ?? b.Good.Value, b.Answered ?? 0));
        double left = 16 + (bars.Max(b => b.Name.Length) * CharacterWidth);
        var canvas = new PlotCanvas(width, 90 + (RowHeight * bars.Length), left, (0, Math.Max(most, 0.01) * 1.06),
            (-0.5, bars.Length - 0.5));
        canvas.Ticks(true, PlotScale.Linear(canvas.X));
        canvas.Ticks(false, bars.Select((b, i) => ((double)(bars.Length - 1 - i), b.Name)));
        canvas.AxisTitles("requests per second within the SLO, more is better", "");
        canvas.ClassKey(bars.Select(b => b.Row.Class));
        for (int i = 0; i < bars.Length; i++)
        {
            double at = bars.Length - 1 - i;
            Bar b = bars[i];
            canvas.Box(0, b.Good.Value, at - 0.26, at + 0.26, PlotPalette.Of(b.Row.Class));
            if (b.Good.Ci95 is [double low, double high]) canvas.Line(low, at, high, at, PlotPalette.Ink, 1.4f);
            if (b.Answered is { } answered) canvas.Mark(PlotShape.Diamond, answered, at, PlotPalette.Ink3, 9, PlotPalette.Panel);
            canvas.HoverRow(at, $"{b.Row.Variant.ShortName}: {b.Load}: {b.GoodText} of {b.AnsweredText} requests/s within the SLO");
        }

        Bar best = bars.MaxBy(b => b.Good.Value)!; // some
        string[] alike = [.. bars.Where(b => b != best && !PlotWords.AreApart(best.Good, b.Good)).Select(b => b.Name)];
        string finding = $"The highest goodput is {best.GoodText} requests per second, of {best.Name}"
            + (alike.Length == 0 ? "." : $"; not told apart from {PlotWords.List(alike)}.");
        const string title = "Goodput";
        return new PlotFigure(
            id, title, finding,
            "Bar: requests per second that kept every limit of the SLO, with its 95 % interval; hollow diamond: all that were answered.",
            canvas.Render(id, title, finding), ["Variant", "Load", "Goodput (1/s)", "Answered (1/s)"],
            [.. bars.Select(b => (ImmutableArray<string>)[b.Row.Variant.Id, b.Load, b.GoodText, b.AnsweredText])]);

    }

    private sealed record Bar(RunRow Row, string Load, Measurement Good, double? Answered)
    {
        public string Name { get; } = $"{Row.Variant.ShortName}, {Load}";

        public string GoodText => Format.WithinInterval(Good.Value, Good.Ci95);

        public string AnsweredText => Answered is { } value ? Format.Number(value) : Format.Missing;
    }
}
