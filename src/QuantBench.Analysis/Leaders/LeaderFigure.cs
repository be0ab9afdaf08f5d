using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Analysis.Estimates;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Statistics;
using QuantBench.Results.Store;

namespace QuantBench.Analysis.Leaders;

/// <summary>One figure that can be ranked: what was measured, where, how.</summary>
/// <param name="Model">Model id.</param>
/// <param name="MachineId">Machine id.</param>
/// <param name="Machine">What the machine is called.</param>
/// <param name="Variant">Variant id.</param>
/// <param name="Backend">Backend id.</param>
/// <param name="Way">Workload and settings, but those that only say how long is measured and on how many threads.</param>
/// <param name="RunId">The run.</param>
/// <param name="Started">Start of the run.</param>
/// <param name="Value">The figure, in its metric's unit.</param>
/// <param name="Interval">Its 95 % interval; null when none is known.</param>
/// <param name="IsDisturbed">Whether other work on the machine is in it.</param>
public sealed record LeaderFigure(string Model, string MachineId, string Machine, string Variant, string Backend, string Way, string RunId,
    DateTimeOffset Started, double Value, Interval? Interval, bool IsDisturbed)
{
    private static readonly ImmutableArray<string> s_effort = ["threads", "cores", "priority", "launches", "repetitions", "max_repetitions",
        "target_ci", "time_cap", "warmup_cap"];

    /// <summary>A figure of the store.</summary>
    /// <param name="row">Its row.</param>
    public static LeaderFigure Of(SeriesRow row)
    {
        Interval? interval = row.Error is { } error ? Around(row.Value, error)
            : row is { CiLow: { } low, CiHigh: { } high, N: null or >= MeasurementBuilder.LeastSamples } ? new Interval(low, high) : null;
        return new LeaderFigure(row.Model, row.MachineId, row.Host, row.Variant, row.Backend, WayOf(row.Workload, row.Settings), row.RunId,
            DateTimeOffset.FromUnixTimeMilliseconds(row.StartedMs), row.Value, interval, row.IsDisturbed);
    }

    /// <summary>A figure of a run; its machine is called by its processor, since a host's name is nobody's business.</summary>
    /// <param name="run">The run.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="figure">The figure.</param>
    public static LeaderFigure Of(RunInfo run, CellResult cell, Measurement figure)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(cell);
        ArgumentNullException.ThrowIfNull(figure);
        Estimate estimate = Estimate.Of(figure);
        return new LeaderFigure(cell.Cell.Model, run.Fingerprint.MachineId, run.Fingerprint.Cpu, cell.Cell.Variant.Id,
            cell.Cell.Backend.ToString(), WayOf(cell.Cell.Workload, cell.Cell.Settings.ToString()), run.Id, run.Started, figure.Value,
            estimate.Certainty == Certainty.Interval ? new Interval(estimate.Low, estimate.High) : null, figure.IsDisturbed);
    }

    private static Interval Around(double value, double error) =>
        new(value - (Estimate.Normal975 * error), value + (Estimate.Normal975 * error));

    // Settings are canonical JSON, so that equal ones are equal texts.
    private static string WayOf(string workload, string settings)
    {
        try
        {
            if (JsonNode.Parse(settings) is not JsonObject known) return workload;
            string[] parts = [.. known.Where(s => !s_effort.Contains(s.Key)).Select(s => $"{s.Key} {s.Value}")];
            return parts.Length == 0 ? workload : $"{workload}: {string.Join(", ", parts)}";
        }
        catch (JsonException)
        {
            return $"{workload}: {settings}";
        }
    }
}
