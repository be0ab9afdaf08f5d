using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;

namespace QuantBench.Analysis.Loads;

/// <summary>What a server did under one load.</summary>
/// <param name="Variant">What it ran.</param>
/// <param name="Cell">The cell.</param>
/// <param name="Rate">Requests answered per second.</param>
/// <param name="Latency">Time to the first token in milliseconds, the median.</param>
/// <param name="Tail">Its 99th percentile; null where requests were too few.</param>
public sealed record LoadPoint(Variant Variant, CellResult Cell, Measurement Rate, Measurement Latency, double? Tail)
{
    /// <summary>What the load is called.</summary>
    public string Load => WorkloadTable.Of(Cell.Cell).Label(Cell.Cell.Settings);

    /// <summary>Requests per second for each millisecond: Kleinrock's power of a server under load. It rises as long as more load brings
    /// more answers, and falls once it mostly brings waiting.</summary>
    public double Power => Rate.Value / Latency.Value;

    /// <summary>The 95 % interval of the power, from the ends of the two figures' own; null where one has none.</summary>
    public Interval? PowerInterval => Rate.Ci95 is [double low, double high] && Latency.Ci95 is [double quick, double slow] && quick > 0
        ? new Interval(Math.Max(0, low) / slow, high / quick) : null;

    /// <summary>The point of a cell; null when it lacks a figure.</summary>
    /// <param name="cell">A cell.</param>
    public static LoadPoint? Of(CellResult cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return cell.Metric(MetricTable.RequestsPerSecond.Name) is { Value: > 0 } rate && double.IsFinite(rate.Value)
            && cell.Metric(MetricTable.ServedFirstToken.Name) is { Value: > 0 } latency && double.IsFinite(latency.Value)
            ? new LoadPoint(cell.Cell.Variant, cell, rate, latency, cell.Metric(MetricTable.ServedFirstTokenTail.Name)?.Value) : null;
    }
}
