using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Exchange;

/// <summary>
/// A run in long form: one record per cell and metric, and one with an empty metric for a cell that measured nothing. What CSV and Parquet
/// hold; column names are the snake_case of these members.
/// </summary>
public sealed record MetricRecord
{
    /// <summary>The run's id.</summary>
    public required string Run { get; init; }

    /// <summary>Name of the suite.</summary>
    public required string Suite { get; init; }

    /// <summary>Stable id of the machine.</summary>
    public required string Machine { get; init; }

    /// <summary>The cell's id.</summary>
    public required string Cell { get; init; }

    /// <summary>Model id.</summary>
    public required string Model { get; init; }

    /// <summary>Variant id.</summary>
    public required string Variant { get; init; }

    /// <summary>Backend id.</summary>
    public required string Backend { get; init; }

    /// <summary>Workload name.</summary>
    public required string Workload { get; init; }

    /// <summary>Settings as canonical JSON.</summary>
    public required string Settings { get; init; }

    /// <summary>How the cell ended.</summary>
    public required string Status { get; init; }

    /// <summary>Why, unless it ended well.</summary>
    public string? Reason { get; init; }

    /// <summary>Metric name; empty when the cell measured nothing.</summary>
    public required string Metric { get; init; }

    /// <summary>Unit; empty when the cell measured nothing.</summary>
    public required string Unit { get; init; }

    /// <summary>Which way is better; empty when the cell measured nothing.</summary>
    public required string Direction { get; init; }

    /// <summary>What the figure is worth, <c>about</c> or <c>disturbed</c>; null for one like any other.</summary>
    public string? Mark { get; init; }

    /// <summary>The measurement; null when the cell measured nothing.</summary>
    public Measurement? Measurement { get; init; }

    /// <summary>The records of a run, in the order of its cells and their metrics.</summary>
    public static IEnumerable<MetricRecord> Of(RunRecord run)
    {
        ArgumentNullException.ThrowIfNull(run);
        foreach (CellResult result in run.Cells)
        {
            ImmutableArray<Measurement> metrics = result.Metrics;
            if (metrics.IsEmpty) yield return Make(run, result, null);
            foreach (Measurement metric in metrics) yield return Make(run, result, metric);
        }
    }

    private static MetricRecord Make(RunRecord run, CellResult result, Measurement? metric) => new()
    {
        Run = run.Info.Id,
        Suite = run.Info.Suite,
        Machine = run.Info.Fingerprint.MachineId,
        Cell = result.Cell.Id.Value,
        Model = result.Cell.Model,
        Variant = result.Cell.Variant.Id,
        Backend = result.Cell.Backend.ToString(),
        Workload = result.Cell.Workload,
        Settings = result.Cell.Settings.ToString(),
        Status = JsonSerializer.Serialize(result.Status, Json.Line).Trim('"'),
        Reason = result.Reason,
        Metric = metric?.Name ?? "",
        Unit = metric?.Unit ?? "",
        Direction = metric is null ? "" : JsonSerializer.Serialize(metric.Direction, Json.Line).Trim('"'),
        Mark = metric?.Mark is { } mark ? JsonSerializer.Serialize(mark, Json.Line).Trim('"') : null,
        Measurement = metric,
    };
}
