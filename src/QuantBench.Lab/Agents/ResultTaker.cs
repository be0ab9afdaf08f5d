using System.Collections.Concurrent;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Lab.Agents;

/// <summary>
/// Takes in what agents send of their jobs. Who holds a job's newest number writes to results; what others send is kept apart, whole. The
/// folder is written before the database, and everything may be sent again.
/// </summary>
/// <param name="jobs">The jobs.</param>
/// <param name="store">The results.</param>
public sealed class ResultTaker(JobStore jobs, ResultStore store)
{
    private const int MostCells = 1000; // of one message

    private readonly RunReceiver _receiver = new(store.Root);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _gates = new(StringComparer.Ordinal);

    /// <summary>Takes in a part of a job's run.</summary>
    /// <param name="machine">The machine that sends it.</param>
    /// <param name="jobId">The job.</param>
    /// <param name="epoch">The number that the machine holds.</param>
    /// <param name="results">What it sends.</param>
    /// <param name="cancellationToken">Stops waiting for its turn.</param>
    /// <exception cref="RequestException">There is no such job, or the run isn't of it.</exception>
    /// <exception cref="StoreException">What was sent is no run, or it can't be written; then it is welcome again.</exception>
    public async Task<ResultsAnswer> TakeAsync(string machine, string jobId, long epoch, AgentResults results,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(results);
        if (results.Cells.IsDefault || results.Cells.Length > MostCells)
            throw new RequestException($"at most {MostCells} cells are taken at once.");
        Job job = jobs.Find(jobId) ?? throw new RequestException($"there is no job '{jobId}'.");
        string runId = RunIdOf(results.Run, job);
        using Turn turn = await TurnAsync(jobId, cancellationToken);
        RunStanding standing = jobs.Begin(job, epoch, machine, runId);
        PutApart(jobId);
        Received received = _receiver.Take(results.Run, [.. results.Cells.Select(c => (c.Line, c.Log))], standing == RunStanding.Late);
        if (standing == RunStanding.Current) Index(received);
        jobs.Count(runId, received.Cells, received.Taken > 0);
        Job now = jobs.Find(jobId) ?? job;
        return new ResultsAnswer(received.Taken, received.Results.Length - received.Taken, standing == RunStanding.Late,
            now.Epoch == epoch || job.Placement.Reconcile != Reconcile.KeepReplacement, now.Cancel && now.Epoch == epoch);
    }

    /// <summary>Ends a job, and brings its runs to where they belong.</summary>
    /// <param name="machine">The machine that says so.</param>
    /// <param name="jobId">The job.</param>
    /// <param name="end">What it says.</param>
    /// <param name="cancellationToken">Stops waiting for its turn.</param>
    /// <returns>Whether it counts; false when another machine has the job.</returns>
    public async Task<bool> EndAsync(string machine, string jobId, AgentEnd end, CancellationToken cancellationToken)
    {
        using Turn turn = await TurnAsync(jobId, cancellationToken);
        bool counts = jobs.End(jobId, machine, end);
        PutApart(jobId);
        return counts;
    }

    /// <summary>Brings runs of a job to where they belong: those that no longer count go apart, one that counts again comes back.</summary>
    /// <param name="jobId">The job.</param>
    /// <param name="cancellationToken">Stops waiting for its turn.</param>
    public async Task SettleAsync(string jobId, CancellationToken cancellationToken)
    {
        using Turn turn = await TurnAsync(jobId, cancellationToken);
        PutApart(jobId);
    }

    // What is moved is in neither place for no moment; a crash before the store's row leaves one that CatchUp or the next call mends.
    private void PutApart(string jobId)
    {
        foreach (JobRun run in jobs.Runs(jobId))
        {
            bool aside = run.Standing == RunStanding.Late;
            string? moved = _receiver.Move(run.RunId, aside);
            if (aside && (moved is not null || store.Has(run.RunId)))
            {
                using ResultStore own = store.Again();
                own.RemoveRun(run.RunId);
            }
            else if (!aside && moved is not null)
            {
                using ResultStore own = store.Again();
                own.IndexFolder(moved);
            }
        }
    }

    private void Index(Received received)
    {
        using ResultStore own = store.Again();
        own.IndexRun(received.Info, received.Path);
        // Also what was known: its row may be what a crash left out.
        foreach (CellResult result in received.Results) own.IndexCell(received.Info.Id, result);
    }

    private async Task<Turn> TurnAsync(string jobId, CancellationToken cancellationToken)
    {
        SemaphoreSlim gate = _gates.GetOrAdd(jobId, _ => new SemaphoreSlim(1, 1));
        await gate.WaitAsync(cancellationToken);
        return new Turn(gate);
    }

    private static string RunIdOf(string run, Job job)
    {
        try
        {
            using var document = JsonDocument.Parse(run);
            if (document.RootElement.GetProperty("suite").GetString() != job.Suite)
                throw new RequestException($"the run that was sent isn't one of suite '{job.Suite}'.");
            return document.RootElement.GetProperty("id").GetString() is { } id && RunFolder.IsGivenId(id) ? id
                : throw new RequestException("the run that was sent has no id that a run is given.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new RequestException("what was sent is no run.", null, e);
        }
    }

    private readonly struct Turn(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}
