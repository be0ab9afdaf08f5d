using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Core.Workloads;
using QuantBench.Inference.Evaluators;
using QuantBench.Results.Folders;
using QuantBench.Runner.Events;
using QuantBench.Runner.Preparation;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Runs;

/// <summary>
/// Runs suites: gathers what the cells need, prepares artifacts, measures cell after cell in the matrix's order, timed ones in several
/// launches that take turns (<see cref="LaunchPlan"/>), and records each as soon as it is whole.
/// Results are never taken from earlier runs: a timing belongs to its own run, and a run that mixed them couldn't be
/// compared.
/// </summary>
/// <param name="environment">Where things lie.</param>
/// <param name="events">Receives what happens.</param>
/// <param name="indexer">Takes each recorded result into the store; null = none. A failure there only warns.</param>
public sealed class SuiteRunner(RunnerEnvironment environment, IProgress<RunEvent> events, IResultIndex? indexer = null)
{
    private bool _indexBroken;
    private bool _saidBusy;

    /// <summary>Runs a suite.</summary>
    /// <param name="suite">The suite.</param>
    /// <param name="options">What the command line adds.</param>
    /// <param name="cancellationToken">Stops: the running cell is killed and not recorded, the run is marked interrupted.</param>
    /// <exception cref="QuantBenchException">The run couldn't start, or results can't be recorded.</exception>
    public async Task<RunOutcome> RunAsync(Suite suite, RunOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(suite);
        ArgumentNullException.ThrowIfNull(options);
        ImmutableArray<Cell> cells = CellsOf(suite, options.Only, options.Threads);
        if (cells.IsEmpty)
            throw new RequestException($"suite '{suite.Name}' has no cell that --only keeps.",
                "Show its cells: quantbench suites validate FILE");
        RunInputs inputs = await RunInputs.GatherAsync(environment, suite, cells, null, events, cancellationToken);
        DateTimeOffset now = environment.Clock.GetUtcNow();
        var info = new RunInfo
        {
            Id = $"{now:yyyyMMdd-HHmmss}-{suite.Name}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(2))}",
            Suite = suite.Name,
            SuiteText = suite.Text,
            SuiteDirectory = Path.GetDirectoryName(Path.GetFullPath(suite.File)) ?? ".",
            SuiteSha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(suite.Text))),
            Started = now,
            Status = RunStatus.Running,
            CellCount = cells.Length,
            Fingerprint = inputs.Fingerprint,
            Tags = [.. suite.Tags, .. options.Tags],
            Only = options.Only,
            Threads = options.Threads,
        };
        options.Begins?.Invoke(info.Id);
        using RunFolder folder = RunFolder.Create(environment.ResultsRoot, info);
        return await MeasureAsync(folder, suite, cells, inputs, retryFailed: false, cancellationToken);
    }

    /// <summary>Goes on with a run that was stopped or died: cells with a result aren't measured again.</summary>
    /// <param name="path">The run's folder.</param>
    /// <param name="options">What the command line adds.</param>
    /// <param name="cancellationToken">Stops again.</param>
    /// <exception cref="QuantBenchException">The run is from elsewhere, inputs changed since, or results can't be recorded.</exception>
    public async Task<RunOutcome> ResumeAsync(string path, RunOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        // What its suite names (commands, files) was chosen by whoever made the bundle.
        if (RunFolder.IsImported(path))
        {
            throw new RequestException($"{path}: the run was taken in from elsewhere; such runs are shown and compared, never run here.",
                "Go on with it on the machine that made it, or run the suite here as a new run.");
        }

        using RunFolder folder = RunFolder.Open(path);
        RunInfo info = folder.Info;
        // The suite as it was, not as its file is now; its name serves errors and finds relative paths.
        Suite suite = SuiteLoader.Parse(info.SuiteText, Path.Combine(info.SuiteDirectory, $"{info.Suite}.yaml"), info.SuiteDirectory,
            environment.Engines.Catalog);
        ImmutableArray<Cell> cells = CellsOf(suite, info.Only, info.Threads);
        RunInputs inputs =
            await RunInputs.GatherAsync(environment, suite, cells, info.Fingerprint.MemoryBandwidth, events, cancellationToken);
        string[] changes = [.. Changes(info.Fingerprint, inputs.Fingerprint)];
        if (changes.Length > 0 && !options.Force)
        {
            throw new RequestException(
                $"run {info.Id} can't go on: {string.Join("; ", changes)}. Its cells would no longer be comparable.",
                "Start a new run, or go on all the same with --force.");
        }

        foreach (string change in changes) events.Report(new RunEvent.Warning($"since the run began {change}"));
        folder.Update(info with { Status = RunStatus.Running, Finished = null });
        return await MeasureAsync(folder, suite, cells, inputs, options.RetryFailed, cancellationToken);
    }

    /// <summary>The cells of a suite after the command line's changes, in the order they are measured.</summary>
    /// <param name="suite">The suite.</param>
    /// <param name="only">Patterns of <see cref="CellFilter"/>.</param>
    /// <param name="threads">CPU threads of every cell; null = as the suite says.</param>
    public static ImmutableArray<Cell> CellsOf(Suite suite, IEnumerable<string> only, int? threads)
    {
        var filter = new CellFilter(only);
        IEnumerable<Cell> cells = Matrix.Expand(suite).Where(filter.Keeps);
        if (threads is { } count)
            cells = cells.Select(c => new Cell(c.Model, c.Variant, c.Backend, c.Workload, c.Settings.With("threads", count)))
                .DistinctBy(c => c.Id);
        return [.. cells];
    }

    /// <summary>What differs between two fingerprints that a run's cells would show.</summary>
    /// <param name="then">When the run began.</param>
    /// <param name="now">Now.</param>
    internal static IEnumerable<string> Changes(Fingerprint then, Fingerprint now)
    {
        if (then.MachineId != now.MachineId) yield return $"the machine changed from {then.Host} ({then.Cpu}) to {now.Host} ({now.Cpu})";
        foreach (string change in Differences("engine", then.Engines, now.Engines)) yield return change;
        foreach (string change in Differences("model", then.Models, now.Models)) yield return change;
        foreach (string change in Differences("dataset", then.Datasets, now.Datasets)) yield return change;
    }

    private static IEnumerable<string> Differences(
        string what, ImmutableSortedDictionary<string, string> then, ImmutableSortedDictionary<string, string> now)
    {
        foreach ((string name, string value) in then)
        {
            if (!now.TryGetValue(name, out string? other)) yield return $"{what} {name} is gone";
            else if (other != value) yield return $"{what} {name} changed from {Short(value)} to {Short(other)}";
        }
    }

    private static string Short(string value) => value.Length == 64 && value.All(char.IsAsciiHexDigit) ? value[..12] : value;

    private async Task<RunOutcome> MeasureAsync(
        RunFolder folder, Suite suite, ImmutableArray<Cell> cells, RunInputs inputs, bool retryFailed, CancellationToken cancellationToken)
    {
        WarnOfThreads(cells, inputs.Fingerprint.LogicalCores);
        Dictionary<CellId,
            CellResult> results = folder.ReadCells().Where(r => r.Status != CellStatus.Cancelled).ToDictionary(r => r.Cell.Id);
        if (retryFailed)
        {
            foreach (CellResult failed in results.Values.Where(r => r.Status == CellStatus.Failed).ToArray())
                results.Remove(failed.Cell.Id);
        }

        Index(index => index.IndexRun(folder.Info, folder.Path));
        ImmutableArray<CellId> before = [.. cells.Select(c => c.Id).Where(results.ContainsKey)];
        events.Report(new RunEvent.RunStarted(folder.Info, folder.Path, cells, before.Length) { Before = before });
        try
        {
            await using var session = new RunSession(environment, suite, inputs, folder, events);
            await session.PrepareAsync([.. cells.Where(c => !results.ContainsKey(c.Id))], cancellationToken);
            var measured = new Dictionary<CellId, List<CellResult>>();
            var ahead = new Dictionary<CellId, CellResult>(); // of cells that an earlier one's pass has measured, until their turn
            var yardstick = new Yardstick(environment.Clock);
            var check = new YardstickCheck(yardstick.Measure, new YardstickHistory(environment.CacheRoot, inputs.Fingerprint.MachineId),
                environment.Clock);
            using var cores = new InterferenceReader(environment.Clock);
            var quiet = new QuietWait(environment.Clock, suite.Limits.Quiet, () => cores.NextCores(TimeSpan.Zero));
            foreach ((int index, int launch) in LaunchPlan.Order(cells))
            {
                Cell cell = cells[index];
                if (results.ContainsKey(cell.Id)) continue;
                cancellationToken.ThrowIfCancellationRequested();
                int launches = LaunchPlan.Launches(cell);
                if (!measured.TryGetValue(cell.Id, out List<CellResult>? made))
                    measured[cell.Id] = made = [.. folder.ReadLaunches(cell.Id)];
                if (made.Count < launch)
                {
                    events.Report(new RunEvent.CellStarted(index, cells.Length, cell, launch, launches));
                    bool timed = WorkloadTable.Of(cell).IsTimed;
                    using MachineLock? alone = await MachineLock.TakeAsync(environment.MachineLock, timed, environment.Clock,
                        () => events.Report(new RunEvent.Warning("waiting for another run on this machine to finish its measurement")),
                        cancellationToken);
                    if (timed) await WaitForQuietAsync(quiet, suite.Limits.Quiet, cancellationToken);
                    if (timed) check.Start();
                    if (!ahead.Remove(cell.Id, out CellResult? one))
                    {
                        ImmutableArray<CellResult> together = await session.MeasureAsync(
                            cell, launch, Sharing(cell, index, cells).Where(c => !results.ContainsKey(c.Id)),
                            new Forward<EvaluationProgress>(p => events.Report(new RunEvent.CellProgress(index, cell, p))),
                            cancellationToken);
                        one = together[0];
                        foreach (CellResult other in together[1..]) ahead[other.Cell.Id] = other;
                    }

                    // A cancelled cell has no line: the resumed run measures it.
                    if (one.Status == CellStatus.Cancelled) throw new OperationCanceledException(cancellationToken);
                    if (timed) one = check.End(one);
                    made.Add(one);
                    if (one.Status == CellStatus.Ok && launch < launches)
                    {
                        folder.WriteLaunches(cell.Id, made);
                        continue;
                    }
                }

                if (made[^1].Status == CellStatus.Ok && launch < launches) continue;
                // One launch that fails is the cell's end: what the others measured isn't the whole.
                CellResult result = made[^1].Status == CellStatus.Ok
                    ? YardstickCheck.MarkIfChanged(LaunchMerge.Of(made), made) : made[^1];
                folder.Append(result);
                folder.RemoveLaunches(cell.Id);
                // Crash point: the line is durable, the index row isn't. `results reindex` adds it.
                results[cell.Id] = result;
                Index(store => store.IndexCell(folder.Info.Id, result));
                events.Report(new RunEvent.CellFinished(index, cells.Length, result));
            }

            return End(folder, RunStatus.Completed, results);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return End(folder, RunStatus.Interrupted, results);
        }
        catch (StoreException e)
        {
            MarkInterrupted(folder);
            string next = $"quantbench resume {folder.Info.Id}";
            string hint = e.Hint?.Replace("quantbench resume", next, StringComparison.Ordinal)
                ?? $"Finished cells are safe. When that is mended: {next}";
            throw new StoreException(e.Message, hint, e);
        }
    }

    /// <summary>The later cells that one pass over a text measures together with a cell.</summary>
    private static IEnumerable<Cell> Sharing(Cell cell, int index, ImmutableArray<Cell> cells) =>
        SharedPass.KeyOf(cell) is not { } key ? [] : cells.Skip(index + 1)
            .TakeWhile(c => c.Model == cell.Model && c.Variant == cell.Variant && c.Backend == cell.Backend) // the matrix's order
            .Where(c => SharedPass.KeyOf(c) == key);

    private async Task WaitForQuietAsync(QuietWait quiet, TimeSpan most, CancellationToken cancellationToken)
    {
        bool wasQuiet = await quiet.WaitAsync(
            share => events.Report(
                new RunEvent.Warning($"other processes keep {share * 100:0} % of the CPU busy: waiting for a quiet machine")),
            cancellationToken);
        if (wasQuiet || _saidBusy) return;
        _saidBusy = true;
        events.Report(new RunEvent.Warning(
            $"the machine wasn't quiet within {most.TotalSeconds:0} s: measuring all the same; disturbed cells are marked"));
    }

    private RunOutcome End(RunFolder folder, RunStatus status, Dictionary<CellId, CellResult> results)
    {
        folder.Update(
            folder.Info with { Status = status, Finished = status == RunStatus.Completed ? environment.Clock.GetUtcNow() : null });
        Index(index => index.IndexRun(folder.Info, folder.Path));
        int Count(CellStatus wanted) => results.Values.Count(r => r.Status == wanted);
        var outcome = new RunOutcome(folder.Info, folder.Path, Count(CellStatus.Ok), Count(CellStatus.Unsupported),
            Count(CellStatus.Failed));
        events.Report(new RunEvent.RunEnded(outcome));
        return outcome;
    }

    private static void MarkInterrupted(RunFolder folder)
    {
        try
        {
            folder.Update(folder.Info with { Status = RunStatus.Interrupted });
        }
        catch (StoreException)
        {
            // The disk that took no cell takes no mark either; a run that is `running` without a runner resumes just the same.
        }
    }

    private void WarnOfThreads(IEnumerable<Cell> cells, int cores)
    {
        long most = cells.Select(cell => cell.Settings.Has("threads") ? cell.Settings.Int("threads") : 0).DefaultIfEmpty().Max();
        if (most <= cores) return;
        events.Report(new RunEvent.Warning(
            $"a cell asks for {most} threads, but {cores} {(cores == 1 ? "core" : "cores")} may be used here (affinity and container "
                + "limits counted): threads will wait for each other, and times show that"));
    }

    private void Index(Action<IResultIndex> action)
    {
        if (indexer is null || _indexBroken) return;
        try
        {
            action(indexer);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _indexBroken = true;
            events.Report(
                new RunEvent.Warning(
                    $"the results index can't be written ({e.Message}); the run's folder is complete, 'quantbench results reindex' adds it "
                        + $"later"));
        }
    }
}

/// <summary>Takes recorded results into the store that lists and pages read.</summary>
public interface IResultIndex
{
    /// <summary>Adds a run or renews what is known of it.</summary>
    /// <param name="info">The run.</param>
    /// <param name="folder">Its folder.</param>
    void IndexRun(RunInfo info, string folder);

    /// <summary>Adds a cell's result.</summary>
    /// <param name="runId">The run's id.</param>
    /// <param name="result">The result.</param>
    void IndexCell(string runId, CellResult result);
}
