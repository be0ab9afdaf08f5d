using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Results.Reading;

/// <summary>What pages ask of the store: aggregates, and raw samples only of one measurement at a time. Any thread may ask.</summary>
/// <param name="store">The store; outlives this.</param>
public sealed class StoredRuns(ResultStore store)
{
    /// <summary>Number of runs.</summary>
    public int CountRuns() => Count(context => context.Runs.Count());

    /// <summary>Number of runs that aren't being measured any more.</summary>
    public int CountEnded() => Count(context => context.Runs.Count(r => r.Status != "running"));

    /// <summary>Number of finished cells.</summary>
    public int CountCells() => Count(context => context.Cells.Count());

    /// <summary>One page of runs.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="tagged">Runs that have the filter's tag besides those that were started with it.</param>
    /// <param name="stop">Stops.</param>
    /// <returns>The page, and how many runs the filter keeps.</returns>
    public async Task<(ImmutableArray<StoredRun> Runs, int Matching)> PageAsync(RunFilter filter, string[] tagged, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await using StoreContext context = store.OpenContext();
        IQueryable<RunRow> runs = Narrow(context, filter, tagged);
        int matching = await runs.CountAsync(stop);
        IQueryable<RunRow> page = Order(runs, filter).Skip((Math.Max(1, filter.Page) - 1) * RunFilter.PageSize).Take(RunFilter.PageSize);
        return (await RunsAsync(context, page, stop), matching);
    }

    /// <summary>The newest runs.</summary>
    public async Task<ImmutableArray<StoredRun>> LatestAsync(int most, CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        return await RunsAsync(context, Newest(context).Take(most), stop);
    }

    /// <summary>Suites, machines (id and host name) and models that were ever measured.</summary>
    public async Task<(ImmutableArray<string> Suites, ImmutableArray<(string Id, string Host)> Machines, ImmutableArray<string> Models)>
        FacetsAsync(CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        string[] suites = await context.Runs.Select(r => r.Suite).Distinct().OrderBy(s => s).ToArrayAsync(stop);
        var machines = await context.Runs.Select(r => new { r.MachineId, r.Host }).Distinct().OrderBy(m => m.Host).ToArrayAsync(stop);
        string[] models = await context.Cells.Select(c => c.Model).Distinct().OrderBy(m => m).ToArrayAsync(stop);
        return ([.. suites], [.. machines.DistinctBy(m => m.MachineId).Select(m => (m.MachineId, m.Host))], [.. models]);
    }

    /// <summary>A run, or the <c>latest</c>, with its cells and their rows; cells that this program doesn't know are left out.</summary>
    public async Task<(StoredRun Run, ImmutableArray<(long RowId, CellResult Result)> Cells)?> FindAsync(string id, CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        IQueryable<RunRow> wanted = id == "latest" ? Newest(context) : context.Runs.Where(r => r.Id == id);
        if (await wanted.FirstOrDefaultAsync(stop) is not { } row) return null;
        CellRow[] cells = await context.Cells.Where(c => c.RunId == row.Id).OrderBy(c => c.Id).ToArrayAsync(stop);
        ILookup<long, MeasurementRow> measurements = (await (
            from c in context.Cells
            join m in context.Measurements on c.Id equals m.CellRowId
            where c.RunId == row.Id
            orderby m.Id
            select m).ToArrayAsync(stop)).ToLookup(m => m.CellRowId);
        ImmutableArray<(long RowId, CellResult Result)> known =
        [
            .. from c in cells
               let cell = RowReading.Cell(c, [.. measurements[c.Id].Select(m => RowReading.Measurement(m))])
               where cell is not null
               select (c.Id, cell),
        ];
        return (Run(row, status => known.Count(c => c.Result.Status == status)), known);
    }

    /// <summary>The raw samples of one metric of a cell, by the cell's row; empty when there are none.</summary>
    public async Task<double[]> SamplesAsync(long cellRow, string metric, CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        byte[]? data = await (
            from m in context.Measurements
            join s in context.Samples on m.Id equals s.MeasurementId
            where m.CellRowId == cellRow && m.Name == metric
            select s.Data).FirstOrDefaultAsync(stop);
        return data is null ? [] : SampleRow.Unpack(data);
    }

    /// <summary>Descriptions of runs by their ids; those that aren't there are left out.</summary>
    public async Task<ImmutableDictionary<string, RunInfo>> InfosAsync(string[] ids, CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        return (await context.Runs.Where(r => ids.Contains(r.Id)).ToArrayAsync(stop)).ToImmutableDictionary(r => r.Id, RowReading.Run);
    }

    /// <summary>Ids of the newest runs, or of those that measured a model.</summary>
    /// <param name="model">The model; null = all.</param>
    /// <param name="completed">Whether to leave out runs without a result of every cell.</param>
    /// <param name="most">Largest number.</param>
    /// <param name="stop">Stops.</param>
    public async Task<ImmutableArray<string>> NewestAsync(string? model, bool completed, int most, CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        return [.. await Of(context, model, completed).Select(r => r.Id).Take(most).ToArrayAsync(stop)];
    }

    /// <summary>The newest completed run that has an earlier one of its suite and machine, and that one; null when none has.</summary>
    /// <param name="model">Only runs that measured this model; null = all.</param>
    /// <param name="most">Number of runs to look at.</param>
    /// <param name="stop">Stops.</param>
    public async Task<(string Before, string After)?> NewestPairAsync(string? model, int most, CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        foreach (RunRow row in await Of(context, model, completed: true).Take(most).ToArrayAsync(stop))
        {
            string? before = await Of(context, null, completed: true)
                .Where(r => r.Suite == row.Suite && r.MachineId == row.MachineId && r.StartedMs < row.StartedMs)
                .Select(r => r.Id).FirstOrDefaultAsync(stop);
            if (before is not null) return (before, row.Id);
        }

        return null;
    }

    /// <summary>The newest run of a suite; null when there is none.</summary>
    public async Task<string?> LastOfSuiteAsync(string suite, CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        return await Newest(context).Where(r => r.Suite == suite).Select(r => r.Id).FirstOrDefaultAsync(stop);
    }

    /// <summary>How cells last ended, whatever run measured them; those never measured are left out.</summary>
    public async Task<ImmutableArray<(string CellId, double Seconds, string? Unsupported)>> LastResultsAsync(string[] cellIds,
        CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        long[] rows = await context.Cells.Where(c => cellIds.Contains(c.CellId)).GroupBy(c => c.CellId).Select(g => g.Max(c => c.Id))
            .ToArrayAsync(stop);
        var cells = await context.Cells.Where(c => rows.Contains(c.Id)).Select(c => new { c.CellId, c.Seconds, c.Status, c.Reason })
            .ToArrayAsync(stop);
        return
        [
            .. cells.Select(c => (c.CellId, RunCheck.Readable(c.Seconds), c.Status == "unsupported" ? c.Reason ?? "unsupported" : null)),
        ];
    }

    /// <summary>Each machine's newest run, how many it has made, and when it last recorded something.</summary>
    public async Task<ImmutableArray<(StoredRun Newest, int Runs, DateTimeOffset Seen)>> MachinesAsync(CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        var machines = await context.Runs.GroupBy(r => r.MachineId)
            .Select(g => new { Id = g.Key, Count = g.Count(), Last = g.Max(r => r.StartedMs) }).ToArrayAsync(stop);
        var found = ImmutableArray.CreateBuilder<(StoredRun, int, DateTimeOffset)>();
        foreach (var machine in machines)
        {
            IQueryable<RunRow> newest = context.Runs.Where(r => r.MachineId == machine.Id && r.StartedMs == machine.Last);
            StoredRun run = (await RunsAsync(context, newest, stop))[0];
            long seen = await context.Cells.Where(c => c.RunId == run.Info.Id).MaxAsync(c => (long?)c.StartedMs, stop) ?? machine.Last;
            long finished = run.Info.Finished?.ToUnixTimeMilliseconds() ?? 0;
            found.Add((run, machine.Count, RowReading.Time(Math.Max(seen, finished))));
        }

        return found.ToImmutable();
    }

    /// <summary>Figures of the cell of a workload that a machine has measured most often in its newest runs, oldest first.</summary>
    public async Task<ImmutableArray<(string RunId, long StartedMs, string Cell, Measurement Figure)>> MostMeasuredAsync(
        string machineId, string workload, string metric, int most, CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        string[] recent = await Newest(context).Where(r => r.MachineId == machineId).Take(most).Select(r => r.Id).ToArrayAsync(stop);
        string? cellId = await context.Cells.Where(c => recent.Contains(c.RunId) && c.Workload == workload && c.Status == "ok")
            .GroupBy(c => c.CellId).OrderByDescending(g => g.Count()).ThenBy(g => g.Key).Select(g => g.Key).FirstOrDefaultAsync(stop);
        var figures = await (
            from c in context.Cells
            join m in context.Measurements on c.Id equals m.CellRowId
            where c.CellId == cellId && recent.Contains(c.RunId) && m.Name == metric && m.Value != null
            orderby c.StartedMs
            select new { c.RunId, c.StartedMs, c.Model, c.Variant, c.Backend, m }).ToArrayAsync(stop);
        return
        [
            .. figures.Select(f => (f.RunId, RowReading.Milliseconds(f.StartedMs), $"{f.Model} {f.Variant} on {f.Backend}",
                RowReading.Measurement(f.m))),
        ];
    }

    /// <summary>Models by name, with how many variants of each and in how many runs they were measured.</summary>
    public async Task<ImmutableArray<(string Model, int Variants, int Runs, string LastRun)>> ModelsAsync(CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        // Each is answered by an index alone, without the cells.
        var runs = await context.Cells.Select(c => new { c.Model, c.RunId }).Distinct().GroupBy(c => c.Model)
            .Select(g => new { Model = g.Key, Count = g.Count() }).OrderBy(g => g.Model).ToArrayAsync(stop);
        Dictionary<string, int> variants = await context.Cells.Select(c => new { c.Model, c.Variant }).Distinct().GroupBy(c => c.Model)
            .Select(g => new { Model = g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Model, g => g.Count, stop);
        var models = ImmutableArray.CreateBuilder<(string, int, int, string)>();
        foreach (var model in runs)
        {
            string last = await Of(context, model.Model, completed: false).Select(r => r.Id).FirstAsync(stop);
            models.Add((model.Model, variants.GetValueOrDefault(model.Model), model.Count, last));
        }

        return models.ToImmutable();
    }

    /// <summary>Models with each variant of them that was measured, by name.</summary>
    public async Task<ImmutableArray<(string Model, string Variant)>> VariantsAsync(CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        var found = await context.Cells.Select(c => new { c.Model, c.Variant }).Distinct().OrderBy(c => c.Model).ThenBy(c => c.Variant)
            .ToArrayAsync(stop);
        return [.. found.Select(c => (c.Model, c.Variant))];
    }

    /// <summary>Suites by name, with their number of runs and the newest of them.</summary>
    public async Task<ImmutableArray<(string Suite, int Runs, string LastRun)>> SuitesAsync(CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        var suites = await context.Runs.GroupBy(r => r.Suite).Select(g => new { Suite = g.Key, Count = g.Count() }).OrderBy(g => g.Suite)
            .ToArrayAsync(stop);
        var found = ImmutableArray.CreateBuilder<(string, int, string)>();
        foreach (var suite in suites)
        {
            string last = await Newest(context).Where(r => r.Suite == suite.Suite).Select(r => r.Id).FirstAsync(stop);
            found.Add((suite.Suite, suite.Count, last));
        }

        return found.ToImmutable();
    }

    /// <summary>When the newest run was started that isn't newer than a time; null when there is none.</summary>
    public async Task<DateTimeOffset?> NewestStartAsync(DateTimeOffset until, CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        long limit = until.ToUnixTimeMilliseconds();
        long? newest = await context.Runs.Where(r => r.StartedMs <= limit).MaxAsync(r => (long?)r.StartedMs, stop);
        return newest is { } started ? RowReading.Time(started) : null;
    }

    /// <summary>Runs that ended and were started before a time, oldest first, but not the newest of each suite and machine.</summary>
    public async Task<ImmutableArray<StoredRun>> OutdatedAsync(DateTimeOffset before, CancellationToken stop)
    {
        await using StoreContext context = store.OpenContext();
        long limit = before.ToUnixTimeMilliseconds();
        IQueryable<RunRow> old = context.Runs.Where(r => r.StartedMs < limit && r.Status != "running"
            && context.Runs.Any(n => n.Suite == r.Suite && n.MachineId == r.MachineId && n.StartedMs > r.StartedMs));
        return await RunsAsync(context, old.OrderBy(r => r.StartedMs), stop);
    }

    private static IQueryable<RunRow> Newest(StoreContext context) => context.Runs.OrderByDescending(r => r.StartedMs);

    private static IQueryable<RunRow> Of(StoreContext context, string? model, bool completed)
    {
        IQueryable<RunRow> runs = Newest(context);
        if (completed) runs = runs.Where(r => r.Status == "completed");
        return model is null ? runs : runs.Where(r => context.Cells.Any(c => c.RunId == r.Id && c.Model == model));
    }

    private static IQueryable<RunRow> Narrow(StoreContext context, RunFilter filter, string[] tagged)
    {
        IQueryable<RunRow> runs = context.Runs;
        if (filter.Suite.Length > 0) runs = runs.Where(r => r.Suite == filter.Suite);
        if (filter.Machine.Length > 0) runs = runs.Where(r => r.MachineId == filter.Machine);
        if (filter.Model.Length > 0) runs = runs.Where(r => context.Cells.Any(c => c.RunId == r.Id && c.Model == filter.Model));
        if (filter.Search.Trim() is { Length: > 0 } text)
            runs = runs.Where(r => r.Id.Contains(text) || r.Suite.Contains(text) || r.Host.Contains(text));
        if (filter.Tag.Length > 0)
        {
            string inInfo = JsonSerializer.Serialize(filter.Tag, Json.Line);
            // A tag stands in the run's JSON between quotes.
            runs = runs.Where(r => tagged.Contains(r.Id) || r.Info.Contains(inInfo));
        }

        return filter.Status switch
        {
            "completed" => runs.Where(r => r.Status == "completed"),
            "running" => runs.Where(r => r.Status == "running"),
            "stopped" => runs.Where(r => r.Status == "interrupted"),
            "failed" => runs.Where(r => context.Cells.Any(c => c.RunId == r.Id && c.Status == "failed")),
            _ => runs,
        };
    }

    private static IOrderedQueryable<RunRow> Order(IQueryable<RunRow> runs, RunFilter filter) => (filter.Sort, filter.Descending) switch
    {
        ("id", true) => runs.OrderByDescending(r => r.Id),
        ("id", false) => runs.OrderBy(r => r.Id),
        ("suite", true) => runs.OrderByDescending(r => r.Suite).ThenByDescending(r => r.StartedMs),
        ("suite", false) => runs.OrderBy(r => r.Suite).ThenByDescending(r => r.StartedMs),
        ("host", true) => runs.OrderByDescending(r => r.Host).ThenByDescending(r => r.StartedMs),
        ("host", false) => runs.OrderBy(r => r.Host).ThenByDescending(r => r.StartedMs),
        ("cells", true) => runs.OrderByDescending(r => r.CellCount).ThenByDescending(r => r.StartedMs),
        ("cells", false) => runs.OrderBy(r => r.CellCount).ThenByDescending(r => r.StartedMs),
        (_, false) => runs.OrderBy(r => r.StartedMs),
        _ => runs.OrderByDescending(r => r.StartedMs),
    };

    private async Task<ImmutableArray<StoredRun>> RunsAsync(StoreContext context, IQueryable<RunRow> query, CancellationToken stop)
    {
        RunRow[] rows = await query.ToArrayAsync(stop);
        string[] ids = [.. rows.Select(r => r.Id)];
        var counts = await context.Cells.Where(c => ids.Contains(c.RunId)).GroupBy(c => new { c.RunId, c.Status })
            .Select(g => new { g.Key.RunId, g.Key.Status, Count = g.Count() }).ToArrayAsync(stop);
        ILookup<string, (string Status, int Count)> byRun = counts.ToLookup(c => c.RunId, c => (c.Status, c.Count));
        return
        [
            .. rows.Select(r => Run(
                r, s => byRun[r.Id].Where(c => c.Status.Equals(s.ToString(), StringComparison.OrdinalIgnoreCase)).Sum(c => c.Count))),
        ];
    }

    private StoredRun Run(RunRow row, Func<CellStatus, int> count) => new(
        RowReading.Run(row), Path.GetFullPath(Path.Combine(store.Root, row.Folder)), count(CellStatus.Ok), count(CellStatus.Failed),
        count(CellStatus.Unsupported));

    private int Count(Func<StoreContext, int> count)
    {
        using StoreContext context = store.OpenContext();
        return count(context);
    }
}
