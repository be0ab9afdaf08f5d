using Microsoft.Data.Analysis;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;

namespace QuantBench.Analysis.Frames;

/// <summary>All measurements of runs in long form, for ad-hoc analysis.</summary>
internal static class MeasurementFrame
{
    /// <summary>One row per cell and metric; a cell that measured nothing has one row with an empty metric and null figures.</summary>
    /// <param name="runs">The runs.</param>
    public static DataFrame Of(params ReadOnlySpan<RunRecord> runs)
    {
        Dictionary<(string Run, string Cell), PrecisionClass> classes = [];
        foreach (RunRecord run in runs)
        {
            foreach (CellResult cell in run.Cells) classes[(run.Info.Id, cell.Cell.Id.Value)] = cell.PrecisionClass;
        }

        MetricRecord[] records = [.. runs.ToArray().SelectMany(MetricRecord.Of)];
        return new DataFrame(
            Text("run", r => r.Run), Text("machine", r => r.Machine), Text("cell", r => r.Cell), Text("model", r => r.Model),
            Text("variant", r => r.Variant), Text("class", r => Format.Class(classes[(r.Run, r.Cell)])),
            Text("backend", r => r.Backend), Text("workload", r => r.Workload), Text("settings", r => r.Settings),
            Text("status", r => r.Status),
            Text("metric", r => r.Metric), Text("unit", r => r.Unit), Text("direction", r => r.Direction),
            Text("protocol", r => r.Measurement?.Protocol),
            Number("value", m => m.Value), Number("error", m => m.Error), Number("n", m => m.N), Number("mean", m => m.Mean),
            Number("sd", m => m.StandardDeviation), Number("median", m => m.Median), Number("p90", m => m.P90), Number("p95", m => m.P95),
            Number("p99", m => m.P99),
            Number("ci95_low", m => m.Ci95 is [double low, _] ? low : null),
            Number("ci95_high", m => m.Ci95 is [_, double high] ? high : null));

        StringDataFrameColumn Text(string name, Func<MetricRecord, string?> value) => new(name, records.Select(value));

        DoubleDataFrameColumn Number(string name, Func<Measurement, double?> value) =>
            new(name, records.Select(r => r.Measurement is { } m ? value(m) : null));
    }
}
