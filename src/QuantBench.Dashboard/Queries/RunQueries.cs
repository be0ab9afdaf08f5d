using System.Collections.Immutable;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Dashboard.Runs;
using QuantBench.Lab;
using QuantBench.Lab.Notes;
using QuantBench.Lab.Queue;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Queries;

/// <summary>Runs for pages and API, with what people wrote about them.</summary>
/// <param name="stored">The runs' figures.</param>
/// <param name="reader">Whole runs.</param>
/// <param name="notes">What people wrote about runs.</param>
/// <param name="cache">What stays true until the store changes.</param>
/// <param name="options">Names the engines.</param>
internal sealed class RunQueries(StoredRuns stored, RunReader reader, RunNotes notes, StoreCache cache, LabOptions options)
{
    /// <summary>One page of runs.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<RunPage> ListAsync(RunFilter filter, CancellationToken cancellationToken)
    {
        ImmutableDictionary<string, RunNote> written = notes.All();
        string[] tagged = [.. written.Where(n => n.Value.Tags.Contains(filter.Tag)).Select(n => n.Key)];
        (ImmutableArray<StoredRun> runs, int matching) = await stored.PageAsync(filter, tagged, cancellationToken);
        return new RunPage([.. runs.Select(r => Item(r, written))], matching, stored.CountRuns());
    }

    /// <summary>The newest runs.</summary>
    /// <param name="most">Largest number.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<ImmutableArray<RunListItem>> LatestAsync(int most, CancellationToken cancellationToken)
    {
        ImmutableDictionary<string, RunNote> written = notes.All();
        return [.. (await stored.LatestAsync(most, cancellationToken)).Select(r => Item(r, written))];
    }

    /// <summary>The results of a run as a table; null when it is gone.</summary>
    /// <param name="id">Its whole id.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<RunTable?> TableAsync(string id, CancellationToken cancellationToken) =>
        await RecordAsync(id, cancellationToken) is not { } record ? null
            : await cache.GetAsync($"table {id} {record.Cells.Length}", () => Task.FromResult(RunTableBuilder.Build(record)));

    /// <summary>The model that a run measured first; null when it measured none.</summary>
    public async Task<string?> FirstModelAsync(string id, CancellationToken cancellationToken) =>
        (await RecordAsync(id, cancellationToken))?.Cells.Select(c => c.Cell.Model).FirstOrDefault();

    /// <summary>What filters offer; kept until the store changes.</summary>
    public Task<RunFacets> FacetsAsync(CancellationToken cancellationToken) => cache.GetAsync("facets", async () =>
    {
        var (suites, machines, models) = await stored.FacetsAsync(cancellationToken);
        IEnumerable<string> tags = notes.All().Values.SelectMany(n => n.Tags);
        return new RunFacets(suites, machines, models, [.. tags.Distinct().Order(StringComparer.Ordinal)]);
    });

    /// <summary>Variants of each model that were measured; kept until the store changes.</summary>
    public Task<ImmutableArray<(string Model, string Variant)>> VariantsAsync(CancellationToken cancellationToken) =>
        cache.GetAsync("variants", () => stored.VariantsAsync(cancellationToken));

    /// <summary>Number of runs.</summary>
    public Task<int> CountAsync() => cache.GetAsync("run-count", () => Task.FromResult(stored.CountRuns()));

    /// <summary>A run with all it measured, or null.</summary>
    /// <param name="id">Its id, or <c>latest</c>.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<RunDetail?> FindAsync(string id, CancellationToken cancellationToken) =>
        await stored.FindAsync(id, cancellationToken) is { } found
            ? new RunDetail(
                found.Run.Info, found.Run.Folder, StateOf(found.Run), CountsOf(found.Run),
                [.. found.Cells.Select(c => new CellView(c.RowId, c.Result))], Planned(found.Run.Info))
            : null;

    /// <summary>A run with its samples, for comparisons and figures; kept while it doesn't change.</summary>
    /// <param name="id">Its whole id.</param>
    /// <param name="cancellationToken">Stops.</param>
    public Task<RunRecord?> RecordAsync(string id, CancellationToken cancellationToken) =>
        Task.Run(() => reader.FindId(id) is { } entry ? cache.Record(entry, reader) : null, cancellationToken);

    /// <summary>The run of an id or the beginning of one, as <see cref="RecordAsync"/> gives it.</summary>
    /// <param name="text">The id.</param>
    /// <exception cref="RequestException">There is none, or more than one.</exception>
    public RunRecord RecordOf(string text) => cache.Record(reader.FindId(text) ?? reader.Find(text), reader);

    /// <summary>Path of a run's folder, or null when it isn't here.</summary>
    public string? FolderOf(string id) => reader.FindId(id) is { Path.Length: > 0 } entry ? entry.Path : null;

    /// <summary>The raw samples of one metric of a cell; empty when there are none.</summary>
    /// <param name="cellRow">The cell's row.</param>
    /// <param name="metric">Metric name.</param>
    /// <param name="cancellationToken">Stops.</param>
    public Task<double[]> SamplesAsync(long cellRow, string metric, CancellationToken cancellationToken) =>
        stored.SamplesAsync(cellRow, metric, cancellationToken);

    internal static RunState StateOf(StoredRun run) => run.Info.Status switch
    {
        RunStatus.Completed => RunState.Completed,
        RunStatus.Interrupted => RunState.Stopped,
        // Whether a process on another machine is alive isn't known here: its run goes on until it says otherwise.
        _ => Directory.Exists(run.Folder) && !RunFolder.IsImported(run.Folder) && RunFolder.WriterProcess(run.Folder) is null
            ? RunState.Silent : RunState.Running,
    };

    private static RunCounts CountsOf(StoredRun run) => new(run.Ok, run.Failed, run.Unsupported, run.Info.CellCount);

    private static RunListItem Item(StoredRun run, ImmutableDictionary<string, RunNote> written)
    {
        RunInfo info = run.Info;
        RunNote note = written.GetValueOrDefault(info.Id, RunNote.None);
        return new RunListItem(
            info.Id, info.Suite, info.Fingerprint.MachineId, info.Fingerprint.Host, Milliseconds(info.Started),
            info.Finished is { } end ? Milliseconds(end) : null, StateOf(run), CountsOf(run),
            [.. info.Tags.Where(t => !t.StartsWith("queue:", StringComparison.Ordinal)).Concat(note.Tags).Distinct()], note.Note);
    }

    // Lists give times as the store sorts by them.
    private static DateTimeOffset Milliseconds(DateTimeOffset time) =>
        DateTimeOffset.FromUnixTimeMilliseconds(time.ToUnixTimeMilliseconds());

    private ImmutableArray<Cell> Planned(RunInfo info)
    {
        try
        {
            Suite suite = SuiteLoader.Parse(info.SuiteText, $"{info.Suite}.yaml", info.SuiteDirectory, options.Engines);
            return SuitePlan.CellsOf(suite, info.Only, info.Threads);
        }
        catch (QuantBenchException)
        {
            // A run of another version: what it measured is shown, what it planned isn't known.
            return [];
        }
    }
}
