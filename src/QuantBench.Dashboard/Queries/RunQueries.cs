using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Lab.Notes;
using QuantBench.Lab.Queue;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>Runs for pages and API. Reads aggregates; raw samples only of one measurement at a time.</summary>
/// <param name="store">The store.</param>
/// <param name="notes">What people wrote about runs.</param>
/// <param name="cache">What stays true until the store changes.</param>
public sealed class RunQueries(ResultStore store, RunNotes notes, StoreCache cache)
{
    /// <summary>One page of runs.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<RunPage> ListAsync(RunFilter filter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await using StoreContext context = store.OpenContext();
        ImmutableDictionary<string, RunNote> written = notes.All();
        int all = await context.Runs.CountAsync(cancellationToken);
        IQueryable<RunRow> runs = Narrow(context, filter, written);
        int matching = await runs.CountAsync(cancellationToken);
        RunRow[] rows =
            await Order(runs, filter).Skip((Math.Max(1, filter.Page) - 1) * RunFilter.PageSize).Take(RunFilter.PageSize)
                .ToArrayAsync(cancellationToken);
        return new RunPage(await ItemsAsync(context, rows, written, cancellationToken), matching, all);
    }

    /// <summary>The newest runs.</summary>
    /// <param name="most">Largest number.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<ImmutableArray<RunListItem>> LatestAsync(int most, CancellationToken cancellationToken)
    {
        await using StoreContext context = store.OpenContext();
        RunRow[] rows = await context.Runs.OrderByDescending(r => r.StartedMs).Take(most).ToArrayAsync(cancellationToken);
        return await ItemsAsync(context, rows, notes.All(), cancellationToken);
    }

    /// <summary>What filters offer; kept until the store changes.</summary>
    public Task<RunFacets> FacetsAsync(CancellationToken cancellationToken) => cache.GetAsync("facets", async () =>
    {
        await using StoreContext context = store.OpenContext();
        string[] suites = await context.Runs.Select(r => r.Suite).Distinct().OrderBy(s => s).ToArrayAsync(cancellationToken);
        var machines =
            await context.Runs.Select(r => new { r.MachineId, r.Host }).Distinct().OrderBy(m => m.Host).ToArrayAsync(cancellationToken);
        string[] models = await context.Cells.Select(c => c.Model).Distinct().OrderBy(m => m).ToArrayAsync(cancellationToken);
        IEnumerable<string> tags = notes.All().Values.SelectMany(n => n.Tags);
        return new RunFacets(
            [.. suites], [.. machines.DistinctBy(m => m.MachineId).Select(m => (m.MachineId, m.Host))], [.. models],
            [.. tags.Distinct().Order(StringComparer.Ordinal)]);
    });

    /// <summary>Number of runs.</summary>
    public Task<int> CountAsync(CancellationToken cancellationToken) => cache.GetAsync("run-count", async () =>
    {
        await using StoreContext context = store.OpenContext();
        return await context.Runs.CountAsync(cancellationToken);
    });

    /// <summary>A run with all it measured, or null.</summary>
    /// <param name="id">Its id, or <c>latest</c>.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<RunDetail?> FindAsync(string id, CancellationToken cancellationToken)
    {
        await using StoreContext context = store.OpenContext();
        RunRow? row = id == "latest"
            ? await context.Runs.OrderByDescending(r => r.StartedMs).FirstOrDefaultAsync(cancellationToken)
            : await context.Runs.FirstOrDefaultAsync(r => r.Id == id, cancellationToken);
        if (row is null || JsonSerializer.Deserialize<RunInfo>(row.Info, Json.Line) is not { } info) return null;
        CellRow[] cells = await context.Cells.Where(c => c.RunId == row.Id).OrderBy(c => c.Id).ToArrayAsync(cancellationToken);
        ILookup<long, MeasurementRow> measurements = (await (
            from c in context.Cells
            join m in context.Measurements on c.Id equals m.CellRowId
            where c.RunId == row.Id
            orderby m.Id
            select m).ToArrayAsync(cancellationToken)).ToLookup(m => m.CellRowId);
        string folder = FolderOf(row.Folder);
        ImmutableArray<CellView> views =
        [
            .. cells.Select(c =>
                RowReading.Cell(c, [.. measurements[c.Id].Select(m => RowReading.Measurement(m))]) is { } cell ? new CellView(c.Id, cell)
                    : null).OfType<CellView>(),
        ];
        int Count(CellStatus status) => views.Count(v => v.Result.Status == status);
        return new RunDetail(
            info, folder, StateOf(row.Status, folder),
            new RunCounts(Count(CellStatus.Ok), Count(CellStatus.Failed), Count(CellStatus.Unsupported), row.CellCount), views,
            Planned(info));
    }

    /// <summary>Absolute path of a run's folder, or null when there is no such run.</summary>
    public async Task<string?> FolderAsync(string id, CancellationToken cancellationToken)
    {
        await using StoreContext context = store.OpenContext();
        string? folder = await context.Runs.Where(r => r.Id == id).Select(r => r.Folder).FirstOrDefaultAsync(cancellationToken);
        return folder is null ? null : FolderOf(folder);
    }

    /// <summary>A run from its folder, or from the store where that isn't here; samples included, for comparisons and figures; kept while
    /// it doesn't change.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<RunRecord?> RecordAsync(string id, CancellationToken cancellationToken)
    {
        if (await FolderAsync(id, cancellationToken) is not { } folder) return null;
        // Made on another machine of the lab: the store has all of it but the logs.
        if (!Directory.Exists(folder))
            return (await cache.GetAsync("record " + id,
                () => Task.FromResult(store.ReadRecord(id) is { } found ? [found] : ImmutableArray<RunRecord>.Empty))).FirstOrDefault();
        return OfFolder(folder);
    }

    /// <summary>A run from its folder; kept while that doesn't change.</summary>
    /// <param name="folder">The folder.</param>
    public RunRecord OfFolder(string folder) => cache.Record(folder, () =>
    {
        using RunFolder run = RunFolder.OpenReadOnly(folder);
        return run.ReadRecord();
    });

    /// <summary>The raw samples of one metric of a cell; empty when there are none.</summary>
    /// <param name="cellRow">The cell's row.</param>
    /// <param name="metric">Metric name.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<double[]> SamplesAsync(long cellRow, string metric, CancellationToken cancellationToken)
    {
        await using StoreContext context = store.OpenContext();
        byte[]? data = await (
            from m in context.Measurements
            join s in context.Samples on m.Id equals s.MeasurementId
            where m.CellRowId == cellRow && m.Name == metric
            select s.Data).FirstOrDefaultAsync(cancellationToken);
        return data is null ? [] : SampleRow.Unpack(data);
    }

    internal static RunState StateOf(string status, string folder) => status switch
    {
        "completed" => RunState.Completed,
        "interrupted" => RunState.Stopped,
        // Whether a process on another machine is alive isn't known here: its run goes on until it says otherwise.
        _ => Directory.Exists(folder) && RunFolder.WriterProcess(folder) is null ? RunState.Silent : RunState.Running,
    };

    internal string FolderOf(string folder) => Path.GetFullPath(Path.Combine(store.Root, folder));

    private static IQueryable<RunRow> Narrow(StoreContext context, RunFilter filter, ImmutableDictionary<string, RunNote> written)
    {
        IQueryable<RunRow> runs = context.Runs;
        if (filter.Suite.Length > 0) runs = runs.Where(r => r.Suite == filter.Suite);
        if (filter.Machine.Length > 0) runs = runs.Where(r => r.MachineId == filter.Machine);
        if (filter.Model.Length > 0) runs = runs.Where(r => context.Cells.Any(c => c.RunId == r.Id && c.Model == filter.Model));
        if (filter.Search.Trim() is { Length: > 0 } text)
            runs = runs.Where(r => r.Id.Contains(text) || r.Suite.Contains(text) || r.Host.Contains(text));
        if (filter.Tag.Length > 0)
        {
            string[] noted = [.. written.Where(n => n.Value.Tags.Contains(filter.Tag)).Select(n => n.Key)];
            string inInfo = JsonSerializer.Serialize(filter.Tag, Json.Line);
            // A tag stands in the run's JSON between quotes.
            runs = runs.Where(r => noted.Contains(r.Id) || r.Info.Contains(inInfo));
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

    private async Task<ImmutableArray<RunListItem>> ItemsAsync(
        StoreContext context, RunRow[] rows, ImmutableDictionary<string, RunNote> written, CancellationToken cancellationToken)
    {
        string[] ids = [.. rows.Select(r => r.Id)];
        var counts = await context.Cells.Where(c => ids.Contains(c.RunId)).GroupBy(c => new { c.RunId, c.Status })
            .Select(g => new { g.Key.RunId, g.Key.Status, Count = g.Count() }).ToArrayAsync(cancellationToken);
        ILookup<string, (string Status, int Count)> byRun = counts.ToLookup(c => c.RunId, c => (c.Status, c.Count));
        return [.. rows.Select(Item)];

        RunListItem Item(RunRow row)
        {
            int Count(string status) => byRun[row.Id].Where(c => c.Status == status).Sum(c => c.Count);
            RunNote note = written.GetValueOrDefault(row.Id, RunNote.None);
            ImmutableArray<string> tags = JsonSerializer.Deserialize<RunInfo>(row.Info, Json.Line)?.Tags ?? [];
            return new RunListItem(
                row.Id, row.Suite, row.MachineId, row.Host, DateTimeOffset.FromUnixTimeMilliseconds(row.StartedMs),
                row.FinishedMs is { } end ? DateTimeOffset.FromUnixTimeMilliseconds(end) : null, StateOf(row.Status, FolderOf(row.Folder)),
                new RunCounts(Count("ok"), Count("failed"), Count("unsupported"), row.CellCount),
                [.. tags.Where(t => !t.StartsWith("queue:", StringComparison.Ordinal)).Concat(note.Tags).Distinct()], note.Note);
        }
    }

    private static ImmutableArray<Cell> Planned(RunInfo info)
    {
        try
        {
            return SuitePlan.CellsOf(SuiteLoader.Parse(info.SuiteText, $"{info.Suite}.yaml", info.SuiteDirectory), info.Only, info.Threads);
        }
        catch (QuantBenchException)
        {
            // A run of another version: what it measured is shown, what it planned isn't known.
            return [];
        }
    }
}
