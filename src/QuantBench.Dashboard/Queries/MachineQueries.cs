using System.Collections.Immutable;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Workloads;
using QuantBench.Dashboard.Runs;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Queries;

/// <summary>A machine that has measured something.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Fingerprint">Its newest fingerprint.</param>
/// <param name="Runs">Runs it has made.</param>
/// <param name="LastSeen">When it last recorded something.</param>
/// <param name="LastRun">Its newest run.</param>
/// <param name="State">How its newest run stands.</param>
/// <param name="FailedCells">Failed cells of its newest run.</param>
public sealed record MachineItem(string Id, Fingerprint Fingerprint, int Runs, DateTimeOffset LastSeen, string LastRun, RunState State,
    int FailedCells);

/// <summary>One value of the noise of a machine over time.</summary>
/// <param name="Run">The run.</param>
/// <param name="At">When.</param>
/// <param name="Value">Median.</param>
/// <param name="Low">Low end of its interval.</param>
/// <param name="High">High end.</param>
public sealed record NoisePoint(string Run, DateTimeOffset At, double Value, double? Low, double? High);

/// <summary>The noise of a machine: one cell measured again and again.</summary>
/// <param name="Cell">What is measured.</param>
/// <param name="Metric">The metric.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Points">Oldest first.</param>
public sealed record MachineNoise(string Cell, string Metric, string Unit, ImmutableArray<NoisePoint> Points)
{
    /// <summary>Standard deviation over mean of the values.</summary>
    public double Spread
    {
        get
        {
            double mean = Points.Average(p => p.Value);
            return Math.Sqrt(Points.Sum(p => (p.Value - mean) * (p.Value - mean)) / Math.Max(1, Points.Length - 1)) / mean;
        }
    }
}

/// <summary>Machines, from the runs they made.</summary>
/// <param name="stored">What the store has.</param>
/// <param name="runs">Lists runs.</param>
/// <param name="cache">What stays true until the store changes.</param>
public sealed class MachineQueries(StoredRuns stored, RunQueries runs, StoreCache cache)
{
    private const int MostRuns = 60;

    /// <summary>All machines, trouble first.</summary>
    public Task<ImmutableArray<MachineItem>> ListAsync(CancellationToken cancellationToken) => cache.GetAsync("machines", async () =>
    {
        var machines = await stored.MachinesAsync(cancellationToken);
        return machines
            .Select(m => new MachineItem(
                m.Newest.Info.Fingerprint.MachineId, m.Newest.Info.Fingerprint, m.Runs, m.Seen, m.Newest.Info.Id,
                RunQueries.StateOf(m.Newest), m.Newest.Failed))
            .OrderBy(m => m.State == RunState.Silent ? 0 : m.FailedCells > 0 ? 1 : 2).ThenByDescending(m => m.LastSeen)
            .ToImmutableArray();
    });

    /// <summary>The newest runs of a machine.</summary>
    public async Task<ImmutableArray<RunListItem>> RunsAsync(string machineId, CancellationToken cancellationToken) =>
        (await runs.ListAsync(new RunFilter { Machine = machineId }, cancellationToken)).Runs;

    /// <summary>The timing cell a machine has measured most often, over time; null when none was measured twice.</summary>
    /// <param name="machineId">The machine.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<MachineNoise?> NoiseAsync(string machineId, CancellationToken cancellationToken) =>
        (await cache.GetAsync("noise " + machineId,
            async () => await FindNoiseAsync(machineId, cancellationToken) is { } found ? [found] : ImmutableArray<MachineNoise>.Empty))
            .FirstOrDefault();

    private async Task<MachineNoise?> FindNoiseAsync(string machineId, CancellationToken cancellationToken)
    {
        var figures = await stored.MostMeasuredAsync(
            machineId, WorkloadTable.Latency.Name, MetricTable.GenerationSpeed.Name, MostRuns, cancellationToken);
        if (figures.Length < 2) return null;
        return new MachineNoise(
            figures[0].Cell, figures[0].Figure.Name, figures[0].Figure.Unit,
            [.. figures.Select(f => new NoisePoint(
                f.RunId, DateTimeOffset.FromUnixTimeMilliseconds(f.StartedMs), f.Figure.Value, f.Figure.Ci95?[0], f.Figure.Ci95?[1]))]);
    }
}
