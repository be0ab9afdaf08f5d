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
    public string Load => $"{WorkloadTable.Of(Cell.Cell).Label(Cell.Cell.Settings)}{(Probe is null ? "" : $", {Probe}")}";

    /// <summary>Which of a search's loads it is; null for a load that was asked for.</summary>
    public string? Probe { get; init; }

    /// <summary>Requests per second for each millisecond: Kleinrock's power of a server under load. It rises as long as more load brings
    /// more answers, and falls once it mostly brings waiting.</summary>
    public double Power => Rate.Value / Latency.Value;

    /// <summary>The 95 % interval of the power, from the ends of the two figures' own; null where one has none.</summary>
    public Interval? PowerInterval => Rate.Ci95 is [double low, double high] && Latency.Ci95 is [double quick, double slow] && quick > 0
        ? new Interval(Math.Max(0, low) / slow, high / quick) : null;

    /// <summary>The points of a cell: its load, or those of its search; none when figures are missing.</summary>
    /// <param name="cell">A cell.</param>
    public static IEnumerable<LoadPoint> Of(CellResult cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        if (One(cell) is { } point) yield return point;
        foreach (LoadProbe probe in LoadProbe.Of(cell).Where(p => p.FirstToken.Value > 0))
            yield return new LoadPoint(cell.Cell.Variant, cell, probe.Rate, probe.FirstToken, probe.Tail) { Probe = probe.Name };
    }

    private static LoadPoint? One(CellResult cell) =>
        cell.Metric(MetricTable.RequestsPerSecond.Name) is { Value: > 0 } rate && double.IsFinite(rate.Value)
        && cell.Metric(MetricTable.ServedFirstToken.Name) is { Value: > 0 } latency && double.IsFinite(latency.Value)
            ? new LoadPoint(cell.Cell.Variant, cell, rate, latency, cell.Metric(MetricTable.ServedFirstTokenTail.Name)?.Value) : null;
}
