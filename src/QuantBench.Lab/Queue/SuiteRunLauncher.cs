using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Lab.Suites;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.Runner.Events;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Lab.Queue;

/// <summary>Runs suites in this process, one worker process per cell, as the command line does.</summary>
/// <param name="environment">Where things lie.</param>
/// <param name="approvals">Which suites with needs of their own may run.</param>
/// <param name="finished">Called with a completed run's folder, to write its report; null = nothing is written.</param>
/// <param name="confirm">Measures again what looks worse in a completed run of a schedule, and says what came of it, or null; null =
/// nothing is.</param>
public sealed class SuiteRunLauncher(
    RunnerEnvironment environment, SuiteApprovals approvals, Action<string>? finished = null,
    Func<string, CancellationToken, Task<string?>>? confirm = null)
    : IRunLauncher
{
    /// <summary>What the label of a schedule's runs starts with; its name follows.</summary>
    public const string ScheduleLabel = "schedule:";

    /// <inheritdoc/>
    public async Task<LaunchedRun> RunAsync(LaunchRequest request, Action<string> started, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(started);
        using var index = new Index(environment);
        var runner = new SuiteRunner(environment, new Nobody(), index);
        RunOutcome outcome;
        if (Begun(request) is { } entry)
        {
            if (entry.Info is { Status: RunStatus.Completed } info)
            {
                // Crash point 4: the run was whole, only the queue hadn't heard of it.
                started(info.Id);
                int failed = RunFolder.ReadRecord(entry.Path).Cells.Count(c => c.Status == CellStatus.Failed);
                return new LaunchedRun(info.Id, failed, info.CellCount, Interrupted: false);
            }

            outcome = await runner.ResumeAsync(entry.Path, new RunOptions(), cancellationToken);
        }
        else
        {
            Suite suite = SuiteLoader.Load(request.Suite, environment.Engines.Catalog);
            // The file may have changed since it was asked for.
            approvals.Check(suite);
            outcome = await runner.RunAsync(
                suite, new RunOptions { Only = request.Only, Tags = [.. request.Labels, request.Tag], Begins = started },
                cancellationToken);
        }

        index.Heal(outcome.Folder);
        if (!outcome.Interrupted) finished?.Invoke(outcome.Folder);
        string? note = outcome.Interrupted || !request.Labels.Any(l => l.StartsWith(ScheduleLabel, StringComparison.Ordinal)) ? null
            : await ConfirmAsync(outcome.Info.Id, cancellationToken);
        return new LaunchedRun(outcome.Info.Id, outcome.Failed, outcome.Info.CellCount, outcome.Interrupted, note);
    }

    // The run itself is whole, whatever becomes of this.
    private async Task<string?> ConfirmAsync(string run, CancellationToken cancellationToken)
    {
        try
        {
            return confirm is null ? null : await confirm(run, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return "what looked worse was to be measured again, which was stopped";
        }
        catch (QuantBenchException e)
        {
            return $"what looked worse couldn't be measured again: {e.Message}";
        }
    }

    // Crash point 3: the queue knows the id, the folder isn't made yet; then there is nothing to go on with. Only a run that the queue
    // named itself is gone on with: tags and ids of runs from elsewhere are whatever their makers wrote.
    private RunEntry? Begun(LaunchRequest request) =>
        request.RunId is { } id && new RunCatalog(environment.ResultsRoot).List().FirstOrDefault(e => e.Info?.Id == id) is { } entry
            && !RunFolder.IsImported(entry.Path) ? entry : null;

    private sealed class Nobody : IProgress<RunEvent>
    {
        public void Report(RunEvent value)
        {
            // The queue shows what the store knows.
        }
    }

    // A run goes on without its database: its folder is the truth.
    private sealed class Index(RunnerEnvironment environment) : IResultIndex, IDisposable
    {
        private ResultStore? _store;
        private bool _missed;

        public void IndexRun(RunInfo info, string folder) => Write(store => store.IndexRun(info, folder));

        public void IndexCell(string runId, CellResult result) => Write(store => store.IndexCell(runId, result));

        /// <summary>Takes the whole run in when a part of it couldn't be.</summary>
        public void Heal(string folder)
        {
            if (!_missed) return;
            try
            {
                Write(store => store.IndexFolder(folder));
            }
            catch (StoreException)
            {
                // Still away: the server takes in what it missed when the database is back.
            }
        }

        public void Dispose() => _store?.Dispose();

        private void Write(Action<ResultStore> write)
        {
            try
            {
                write(_store ??= ResultStore.Open(environment.ResultsRoot, environment.Store));
            }
            catch
            {
                _missed = true;
                throw;
            }
        }
    }
}
