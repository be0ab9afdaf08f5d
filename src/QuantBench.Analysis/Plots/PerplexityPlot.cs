using System.Globalization;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Plots;

/// <summary>Perplexity against bits per weight: how much quality each bit buys.</summary>
internal static class PerplexityPlot
{
    private const double Near = 0.01;
    private const double LogFrom = 3; // a variant this many times the base would flatten the others on a linear axis

    /// <summary>Draws it; null when fewer than two variants of one model and backend have both figures.</summary>
    /// <param name="rows">Rows of one model and backend.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(IReadOnlyList<RunRow> rows, string id = "perplexity", int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(rows);
        (RunRow Row, double Bits, RunFigure Ppl)[] points =
        [
            .. rows.Select(r => (Row: r, Bits: r[MetricTable.BitsPerWeight.Name], Ppl: r.First(MetricTable.Perplexity.Name)))
                .Where(p => p.Bits > 0 && p.Ppl?.Value > 0)
                .Select(p => (p.Row, p.Bits!.Value, p.Ppl!)), // both checked one line above
        ];
        if (points.Length < 2) return null;

        (RunRow Row, double Bits,
            RunFigure Ppl) best = points.FirstOrDefault(p => p.Row.IsReference) is { Row: not null } reference ? reference
                : points.MinBy(p => p.Ppl.Value);
        double baseline = best.Ppl.Value!.Value; // points have a value
        bool log = points.Max(p => p.Ppl.Value!.Value) > LogFrom * baseline;
        double Y(double ppl) => log ? Math.Log10(ppl) : ppl;

        double[] ys = [
            .. points.SelectMany(p => new[] { p.Ppl.Value!.Value - (p.Ppl.Error ?? 0), p.Ppl.Value.Value + (p.Ppl.Error ?? 0) })
                .Where(v => v > 0).Select(Y)];
        var canvas = new PlotCanvas(width, 400, 58, PlotScale.Around(points.Select(p => Math.Log10(p.Bits)), 0.1), PlotScale.Around(ys));
        canvas.Ticks(true,
            (width < PlotFigure.Wide ? new double[] { 1, 2, 3, 4, 6, 8, 16, 32 } : [1, 1.5, 2, 3, 4, 5, 6, 8, 12, 16, 32])
                .Select(b => (Math.Log10(b), b.ToString(CultureInfo.InvariantCulture)))
                .Where(t => t.Item1 >= canvas.X.Min && t.Item1 <= canvas.X.Max));
        canvas.Ticks(false, log ? PlotScale.Log(canvas.Y) : PlotScale.Linear(canvas.Y));
        canvas.AxisTitles("bits per weight, measured (log)", log ? "perplexity (log), lower is better" : "perplexity, lower is better");
        canvas.ClassKey(points.Select(p => p.Row.Class));
        canvas.Line(canvas.X.Min, Y(baseline), canvas.X.Max, Y(baseline), PlotPalette.Ink3, 1, dashed: true);
        foreach ((RunRow _, double bits, RunFigure ppl) in points)
        {
            if (ppl.Error is not > 0 || ppl.Error >= ppl.Value) continue;
            canvas.Line(Math.Log10(bits), Y(ppl.Value!.Value - ppl.Error.Value), Math.Log10(bits), Y(ppl.Value.Value + ppl.Error.Value),
                PlotPalette.Ink3, 1.2f);
        }

        foreach ((RunRow row, double bits, RunFigure ppl) in points)
        {
            canvas.Marker(Math.Log10(bits), Y(ppl.Value!.Value), row.Class, hollow: row.IsReference);
            canvas.Occupy(Math.Log10(bits), Y(ppl.Value.Value));
            canvas.Hover(Math.Log10(bits), Y(ppl.Value.Value),
                $"{row.Variant.ShortName}: perplexity {ppl.Text} at {Format.Fixed(bits, 2)} bits per weight");
        }

        foreach ((RunRow row, double bits, RunFigure ppl) in points.OrderBy(p => p.Bits))
            canvas.Label(Math.Log10(bits), Y(ppl.Value!.Value), row.Variant.ShortName);

        string finding = Finding([.. points.Select(p => p.Row)], best.Row.IsReference ? best.Row : null);
        const string title = "Perplexity by bits per weight";
        return new PlotFigure(
            id, title, finding,
            "Bars are ± one standard error of each perplexity; all variants score the same tokens, so differences are surer than the bars "
                + "suggest: see ΔPPL. The hollow marker and the dashed line are the reference. Labels that found no room are in the table.",
            canvas.Render(id, title, finding),
            ["Variant", "Class", "Bits per weight", "Perplexity ± SE"],
            [.. points.Select(p =>
                (System.Collections.Immutable.ImmutableArray<string>)[p.Row.Variant.Id, Format.Class(p.Row.Class),
                    Format.Fixed(p.Bits, 2), p.Ppl.Text])]);
    }

    // Which variants are near the reference is a matter of the paired difference and its interval, not of the two perplexities.
    private static string Finding(RunRow[] rows, RunRow? reference)
    {
        string Name(RunRow row) => row.Variant.ShortName;
        string Bits(RunRow row) => Format.Fixed(row[MetricTable.BitsPerWeight.Name] ?? double.NaN, 2);
        string Ppl(RunRow row) => row.First(MetricTable.Perplexity.Name)!.Text; // drawn rows have one
        RunRow highest = rows.MaxBy(r => r.First(MetricTable.Perplexity.Name)!.Value)!;
        RunRow lowest = rows.MinBy(r => r.First(MetricTable.Perplexity.Name)!.Value)!;
        string range = $"Perplexities go from {Ppl(lowest)} ({Name(lowest)}) to {Ppl(highest)} ({Name(highest)})";
        (RunRow Row, RunFigure Change)[] others =
        [
            .. rows.Where(r => r != reference).Select(r => (r, r.First("ppl_change")!)).Where(r => r.Item2?.Value is not null)
                .OrderBy(r => r.r[MetricTable.BitsPerWeight.Name]),
        ];
        if (others.Length == 0) return $"{range}.";
        string of = reference is null ? "the perplexity of the reference, which another backend ran"
            : $"{Name(reference)}'s perplexity of {Ppl(reference)}";
        (RunRow Row, RunFigure Change)[] shown = [.. others.Where(o => o.Change.Value + (2 * o.Change.Error) <= Near)];
        (RunRow Row, RunFigure Change)[] maybe =
        [
            .. others.Where(o => !shown.Contains(o) && o.Change.Value - (2 * (o.Change.Error ?? double.PositiveInfinity)) <= Near),
        ];
        string open = maybe.Length == 0 ? ""
            : $"; of {PlotWords.List([.. maybe.Select(m => Name(m.Row))])} it can't be told";
        return shown.Length > 0
            ? $"{Name(shown[0].Row)} at {Bits(shown[0].Row)} bits per weight is the smallest variant shown to be within 1 % of "
                + $"{of}{open}. {range}."
            : $"No variant is shown to be within 1 % of {of}{open}. {range}.";
    }
}
