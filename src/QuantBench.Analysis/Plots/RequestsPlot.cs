using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Statistics;
using QuantBench.Core.Workloads;
using QuantBench.Results.Reading;

namespace QuantBench.Analysis.Plots;

/// <summary>The requests of one cell over time: time to first token in slices of the time, with marks where requests failed, where the load
/// generator stood still, and where a launch or a probe begins.</summary>
internal static class RequestsPlot
{
    private const int MostSlices = 40;
    private const double SlowShare = 0.9;

    /// <summary>Draws it; null when no request is known.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="loads">Its loads: they follow each other in the picture.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(Cell cell, ImmutableArray<ServedLoad> loads, string id = "requests", int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(cell);
        ServedLoad[] measured = [.. loads.Where(l => l.To > l.From && double.IsFinite(l.To - l.From))];
        double all = measured.Sum(l => l.To - l.From);
        var slices = new List<Slice>();
        var stalls = new List<(double From, double To)>();
        var disturbed = new List<(double From, double To)>();
        var begins = new List<double>();
        double at = 0;
        foreach (ServedLoad one in measured)
        {
            begins.Add(at);
            double length = one.To - one.From;
            int count = Math.Max(1, (int)(MostSlices * length / all));
            foreach (IGrouping<int, ServedRequest> slice in one.Requests.Where(r => r.Intended >= one.From && r.Intended < one.To)
                .GroupBy(r => Math.Min(count - 1, (int)((r.Intended - one.From) / length * count))).OrderBy(g => g.Key))
            {
                double[] ms = [.. slice.Select(r => r.FirstToken).OfType<double>().Where(m => m > 0).Order()];
                slices.Add(new Slice(begins.Count - 1, at + ((slice.Key + 0.5) * length / count), slice.Count(),
                    [.. slice.Select(r => r.Fault).OfType<string>()], ms));
            }

            stalls.AddRange(Within(one.Stalls, one, at));
            disturbed.AddRange(Within(one.Disturbed, one, at));
            at += length;
        }

        double[] drawn = [.. slices.Where(s => s.Sorted.Length > 0).SelectMany(s => (double[])[s.Median, s.Slow])];
        if (drawn.Length == 0) return null;

        bool log = drawn.Max() / drawn.Min() > 10;
        double Y(double ms) => log ? Math.Log10(ms) : ms;
        (double Min, double Max) y = PlotScale.Around(drawn.Select(Y), 0.12);
        var canvas = new PlotCanvas(width, 260, 62, (0, all), log ? y : (0, y.Max));
        canvas.Ticks(true, PlotScale.Linear(canvas.X));
        canvas.Ticks(false, log ? PlotScale.Log(canvas.Y) : PlotScale.Linear(canvas.Y));
        canvas.AxisTitles("seconds of the measured time", $"time to first token, ms{(log ? " (log)" : "")}, lower is better");
        Key(canvas);
        foreach ((double from, double to) in disturbed)
            canvas.Line(from, canvas.Y.Min, Math.Max(to, from + (all / width)), canvas.Y.Min, PlotPalette.Worse, 7);
        foreach ((double from, double to) in stalls) canvas.Hatch((from, Math.Max(to, from + (all / width))), canvas.Y);
        foreach (double begin in begins.Skip(1)) canvas.Line(begin, canvas.Y.Min, begin, canvas.Y.Max, PlotPalette.Ink3, 1, dashed: true);
        foreach (Slice[] line in slices.Where(s => s.Sorted.Length > 0).GroupBy(s => s.Load).Select(g => g.ToArray()))
        {
            double[] xs = [.. line.Select(s => s.Second)];
            canvas.Path(xs, [.. line.Select(s => Y(s.Median))], PlotPalette.C1, 1.8f);
            canvas.Path(xs, [.. line.Select(s => Y(s.Slow))], PlotPalette.C1, 1.2f, dashed: true);
            if (line is [var only]) canvas.Mark(PlotShape.Circle, only.Second, Y(only.Median), PlotPalette.C1, 6);
        }

        foreach (Slice s in slices)
        {
            double height = s.Sorted.Length > 0 ? Y(s.Median) : canvas.Y.Min;
            if (s.Faults.Length > 0) canvas.Mark(PlotShape.TriangleDown, s.Second, canvas.Y.Max, PlotPalette.Worse, 10);
            canvas.Hover(s.Second, height, $"second {s.At}: {Format.Count(s.Requests)} requests, median {s.MedianText} ms, "
                + $"p90 {s.SlowText} ms" + (s.Faults.Length > 0 ? $", {Format.Count(s.Faults.Length)} failed ({s.FaultText})" : ""));
        }

        string load = WorkloadTable.Of(cell).Label(cell.Settings);
        int failed = slices.Sum(s => s.Faults.Length);
        double[] first = slices.First(s => s.Sorted.Length > 0).Sorted;
        double[] last = slices.Last(s => s.Sorted.Length > 0).Sorted;
        string finding = $"{Format.Count(slices.Sum(s => s.Requests))} requests in {Format.Number(all)} s, "
            + $"{(failed > 0 ? Format.Count(failed) : "none")} failed; half of the first tokens came within "
            + $"{Format.Number(Descriptive.Quantile(first, 0.5))} ms at the beginning and "
            + $"{Format.Number(Descriptive.Quantile(last, 0.5))} ms at the end.";
        string title = $"Requests over time: {cell.Variant.ShortName}, {load}";
        return new PlotFigure(
            id, title, finding,
            "Solid: median of the requests meant to be sent in a slice of the time; dashed: their 90th percentile. Triangles: some failed. "
                + "Hatched: the load generator stood still. Thick line at the foot: something else disturbed the machine. A dashed upright "
                + "line begins another launch or probe.",
            canvas.Render(id, title, finding), ["Second", "Requests", "Median (ms)", "p90 (ms)", "Failed", "Disturbed"],
            [
                .. slices.Select(s => (ImmutableArray<string>)
                [
                    s.At, Format.Count(s.Requests), s.MedianText, s.SlowText,
                    s.Faults.Length == 0 ? "0" : $"{Format.Count(s.Faults.Length)}: {s.FaultText}",
                    disturbed.Any(d => d.From <= s.Second && s.Second < d.To) ? "yes" : "",
                ]),
            ]);
    }

    private static IEnumerable<(double From, double To)> Within(ImmutableArray<(double From, double To)> spans, ServedLoad load,
        double at) =>
        spans.Where(s => s.To > load.From && s.From < load.To)
            .Select(s => (at + Math.Max(s.From, load.From) - load.From, at + Math.Min(s.To, load.To) - load.From));

    private static void Key(PlotCanvas canvas)
    {
        double at = 8;
        foreach ((string glyph, PlotRole role, string word) in new[] { ("━", PlotPalette.C1, "median"), ("╌", PlotPalette.C1, "p90"),
            ("▼", PlotPalette.Worse, "failures"), ("╱", PlotPalette.Ink3, "stalled"),
            ("▂", PlotPalette.Worse, "busy") })
        {
            canvas.Word(at, 16, glyph, role: role);
            canvas.Word(at + 16, 16, word);
            at += 16 + (word.Length * 6.4) + 16;
        }
    }

    private sealed record Slice(int Load, double Second, int Requests, string[] Faults, double[] Sorted)
    {
        public double Median => Descriptive.Quantile(Sorted, 0.5);

        public double Slow => Descriptive.Quantile(Sorted, SlowShare);

        public string At => Format.Fixed(Second, 1);

        public string MedianText => Sorted.Length > 0 ? Format.Number(Median) : Format.Missing;

        public string SlowText => Sorted.Length > 0 ? Format.Number(Slow) : Format.Missing;

        public string FaultText => string.Join(", ", Faults.Distinct().Order(StringComparer.Ordinal));
    }
}
