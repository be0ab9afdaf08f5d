using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Results.Folders;
using QuantBench.Runner.Events;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Runs;

/// <summary>Cells of a run, measured again by the machine that measured them: each time a run of its own with the label
/// <see cref="Tag"/>.</summary>
public sealed class Remeasurement
{
    /// <summary>Label of the runs it makes.</summary>
    public const string Tag = "confirm";

    private readonly RunnerEnvironment _environment;
    private readonly Suite _suite;

    /// <param name="environment">Where things lie.</param>
    /// <param name="runId">The run.</param>
    /// <param name="cells">Its cells.</param>
    /// <exception cref="QuantBenchException">It can't be done here.</exception>
    public Remeasurement(RunnerEnvironment environment, string runId, IReadOnlyCollection<Cell> cells)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(cells);
        RunEntry entry = new RunCatalog(environment.ResultsRoot).Find(runId);
        if (entry.Info is not { } run || RunFolder.IsImported(entry.Path))
            throw new RequestException($"run {runId} isn't one of this machine's own, so nothing can be measured again here.");
        if (environment.ReadFingerprint().MachineId != run.Fingerprint.MachineId)
            throw new RequestException($"run {runId} was measured on {run.Fingerprint.Host}, another machine.", "Confirm it there.");
        (_environment, Run) = (environment, run);
        Only = [.. cells.Select(c => $"model={c.Model},variant={c.Variant.Id},backend={c.Backend},workload={c.Workload}").Distinct()];
        _suite = SuiteLoader.Parse(run.SuiteText, Path.Combine(run.SuiteDirectory, $"{run.Suite}.yaml"), run.SuiteDirectory,
            environment.Engines.Catalog);
    }

    /// <summary>The run.</summary>
    public RunInfo Run { get; }

    /// <summary>Patterns that keep its cells.</summary>
    public ImmutableArray<string> Only { get; }

    /// <summary>Measures them once.</summary>
    /// <param name="index">Takes the results in.</param>
    /// <param name="stop">Stops.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public async Task<RunRecord> OnceAsync(IResultIndex index, CancellationToken stop)
    {
        var options = new RunOptions { Only = Only, Threads = Run.Threads, Tags = [Tag] };
        RunOutcome outcome = await new SuiteRunner(_environment, new Quiet(), index).RunAsync(_suite, options, stop);
        stop.ThrowIfCancellationRequested();
        return RunFolder.ReadRecord(outcome.Folder);
    }

    private sealed class Quiet : IProgress<RunEvent>
    {
        public void Report(RunEvent value)
        {
            // Whoever asked says what is measured; the answer is what counts.
        }
    }
}
