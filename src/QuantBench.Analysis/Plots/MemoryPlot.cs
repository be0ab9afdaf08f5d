using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Metrics;
using QuantBench.Core.Workloads;

namespace QuantBench.Analysis.Plots;

/// <summary>Memory per variant: weights, KV cache and compute buffers as the engine reports them, stacked; peak resident from the OS as a
/// marker.</summary>
internal static class MemoryPlot
{
    private const int RowHeight = 24;

    /// <summary>Draws it; null when no variant has a memory figure.</summary>
    /// <param name="rows">Rows of one model and backend.</param>
    /// <param name="id">Id of the figure on its page.</param>
    /// <param name="width">Width in pixels.</param>
    public static PlotFigure? Draw(IReadOnlyList<RunRow> rows, string id = "memory", int width = PlotFigure.Wide)
    {
        ArgumentNullException.ThrowIfNull(rows);
        Bar[] bars =
        [
            .. rows.Select(r =>
                new Bar(r, Of(r, MetricTable.WeightsSize), Of(r, MetricTable.KvCacheSize), Of(r, MetricTable.ComputeSize),
                    r[MetricTable.PeakMemory.Name] ?? Of(r, MetricTable.PeakMemory))
                {
                    Planned = MetricTable.PlannedMemory.Sum(m => Of(r, m)) is > 0 and var planned ? planned : null,
                })
                .Where(b => b.Weights is not null || b.Peak is not null),
        ];
        if (bars.Length == 0) return null;

        // The axis has the unit of the texts.
        double largest = bars.Max(b => Math.Max(b.Peak ?? 0, (b.Weights ?? 0) + (b.Kv ?? 0) + (b.Compute ?? 0)));
        (string unit, double bytesPerUnit) = ByteUnits.Of(largest);
        double max = largest / bytesPerUnit;
        string Text(double? bytes) => bytes is { } b ? $"{Format.Number(b / bytesPerUnit)}\u00a0{unit}" : Format.Missing;
        double left = 16 + (bars.Max(b => b.Row.Variant.ShortName.Length) * 7.5);
        var canvas = new PlotCanvas(width, 90 + (RowHeight * bars.Length), left, (0, max * 1.06), (-0.5, bars.Length - 0.5));
        canvas.Ticks(true, PlotScale.Linear(canvas.X));
        canvas.Ticks(false, bars.Select((b, i) => ((double)(bars.Length - 1 - i), b.Row.Variant.ShortName)));
        canvas.AxisTitles($"{unit}, lower is better", "");
        double key = 8;
        foreach ((string glyph, PlotRole role,
            string word) in new[] { ("■", PlotPalette.C1, "weights"), ("■", PlotPalette.C2, "KV cache"),
                ("■", PlotPalette.C3, width < PlotFigure.Wide ? "compute" : "compute buffers"),
                ("◆", PlotPalette.Ink, width < PlotFigure.Wide ? "peak" : "peak resident") })
        {
            canvas.Word(key, 16, glyph, "start", role);
            canvas.Word(key + 15, 16, word);
            key += 15 + (word.Length * 6.4) + 18;
        }

        for (int i = 0; i < bars.Length; i++)
        {
            double at = bars.Length - 1 - i;
            double from = 0;
            foreach ((double? bytes,
                PlotRole role) in new[] { (bars[i].Weights, PlotPalette.C1), (bars[i].Kv, PlotPalette.C2),
                    (bars[i].Compute, PlotPalette.C3) })
            {
                if (bytes is not > 0) continue;
                canvas.Box(from, from + (bytes.Value / bytesPerUnit), at - 0.26, at + 0.26, role);
                from += bytes.Value / bytesPerUnit;
            }

            canvas.HoverRow(at,
                $"{bars[i].Row.Variant.ShortName}: weights {Text(bars[i].Weights)}, KV cache {Text(bars[i].Kv)}, compute buffers "
                    + $"{Text(bars[i].Compute)}, peak resident {Text(bars[i].Peak)}");
            if (bars[i].Peak is { } peak)
                canvas.Mark(PlotShape.Diamond, peak / bytesPerUnit, at, PlotPalette.Ink, 10);
        }

        Bar[] measured = [.. bars.Where(b => b.Peak is not null)];
        string finding = measured.Length > 1
            ? $"Peak resident memory goes from {Text(measured.Min(b => b.Peak!.Value))} "
                + $"({measured.MinBy(b => b.Peak)!.Row.Variant.ShortName}) to {Text(measured.Max(b => b.Peak!.Value))} "
                + $"({measured.MaxBy(b => b.Peak)!.Row.Variant.ShortName})."
            : measured.Length == 1
                ? $"{measured[0].Row.Variant.ShortName} holds {Text(measured[0].Peak!.Value)} at its peak." // measured ones have one
            : $"Weights take from {Text(bars.Min(b => b.Weights!.Value))} to {Text(bars.Max(b => b.Weights!.Value))}.";
        const string title = "Memory";
        bool isPlanned = bars.Any(b => b.Planned is not null);
        return new PlotFigure(
            id, title, finding,
            "Segments are what the engine reports, from left: weights, KV cache, compute buffers. The diamond is the process's peak "
                + "resident memory, the kernel's own figure; it can lie below the bars' end when mapped pages were never touched.",
            canvas.Render(id, title, finding),
            [
                "Variant", "Weights", "KV cache", "Compute buffers", .. isPlanned ? ["Planned before loading"] : (string[])[],
                "Peak resident",
            ],
            [
                .. bars.Select(b => (ImmutableArray<string>)
                [
                    b.Row.Variant.Id, Text(b.Weights), Text(b.Kv), Text(b.Compute), .. isPlanned ? [Text(b.Planned)] : (string[])[],
                    Text(b.Peak),
                ]),
            ]);
    }

    // Of the cell that shows the most memory in use: the timed one where there is one.
    private static double? Of(RunRow row, MetricDefinition metric) =>
        row.Cells.OrderBy(c => WorkloadTable.Place(metric, c.Cell.Workload)).Select(c => c.Metric(metric.Name))
            .FirstOrDefault(m => m is not null) is { } found
            && double.IsFinite(found.Value) ? found.Value : null;

    private sealed record Bar(RunRow Row, double? Weights, double? Kv, double? Compute, double? Peak)
    {
        /// <summary>All three, as they were expected before loading.</summary>
        public double? Planned { get; init; }
    }
}
