using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using QuantBench.Core;
using QuantBench.Core.Runs;
using QuantBench.Results.Store;

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
/// <param name="store">The store.</param>
/// <param name="runs">Knows how runs stand.</param>
/// <param name="cache">What stays true until the store changes.</param>
public sealed class MachineQueries(ResultStore store, RunQueries runs, StoreCache cache)
{
    /// <summary>All machines, trouble first.</summary>
    public Task<ImmutableArray<MachineItem>> ListAsync(CancellationToken cancellationToken) => cache.GetAsync("machines", async () =>
    {
        await using StoreContext context = store.OpenContext();
        var groups =
            await context.Runs.GroupBy(r => r.MachineId).Select(g => new { Id = g.Key, Count = g.Count(), Last = g.Max(r => r.StartedMs) })
                .ToArrayAsync(cancellationToken);
        var items = ImmutableArray.CreateBuilder<MachineItem>();
        foreach (var group in groups)
        {
            RunRow row = await context.Runs.Where(r => r.MachineId == group.Id && r.StartedMs == group.Last).FirstAsync(cancellationToken);
            if (JsonSerializer.Deserialize<RunInfo>(row.Info, Json.Line) is not { } info) continue;
            long seen = await context.Cells.Where(c => c.RunId == row.Id).MaxAsync(c => (long?)c.StartedMs, cancellationToken)
                ?? row.StartedMs;
            int failed = await context.Cells.CountAsync(c => c.RunId == row.Id && c.Status == "failed", cancellationToken);
            RunState state = RunQueries.StateOf(row.Status, runs.FolderOf(row.Folder));
            items.Add(
                new MachineItem(group.Id, info.Fingerprint, group.Count,
                    DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(seen, row.FinishedMs ?? 0)), row.Id, state, failed));
        }

        return items.OrderBy(m => m.State == RunState.Silent ? 0 : m.FailedCells > 0 ? 1 : 2).ThenByDescending(m => m.LastSeen)
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
        await using StoreContext context = store.OpenContext();
        string[] recent =
            await context.Runs.Where(r => r.MachineId == machineId).OrderByDescending(r => r.StartedMs).Take(60).Select(r => r.Id)
                .ToArrayAsync(cancellationToken);
        string? cellId =
            await context.Cells.Where(c => recent.Contains(c.RunId) && c.Workload == "latency" && c.Status == "ok").GroupBy(c => c.CellId)
            .OrderByDescending(g => g.Count()).ThenBy(g => g.Key).Select(g => g.Key).FirstOrDefaultAsync(cancellationToken);
        if (cellId is null) return null;
        const string metric = "tg_tps";
        var points = await (
            from c in context.Cells
            join m in context.Measurements on c.Id equals m.CellRowId
            where c.CellId == cellId && recent.Contains(c.RunId) && m.Name == metric && m.Value != null
            orderby c.StartedMs
            select new { c.RunId, c.StartedMs, c.Model, c.Variant, c.Backend, m.Value, m.Unit, m.CiLow, m.CiHigh })
            .ToArrayAsync(cancellationToken);
        if (points.Length < 2) return null;
        return new MachineNoise(
            $"{points[0].Model} {points[0].Variant} on {points[0].Backend}", metric, points[0].Unit,
            [.. points.Select(p =>
                new NoisePoint(p.RunId, DateTimeOffset.FromUnixTimeMilliseconds(p.StartedMs), p.Value ?? 0, p.CiLow, p.CiHigh))]);
    }
}
