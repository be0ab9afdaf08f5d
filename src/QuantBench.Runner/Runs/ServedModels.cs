using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Inference.Evaluators;
using QuantBench.Runner.Events;
using QuantBench.Runner.Preparation;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Runs;

/// <summary>The models that a suite has its servers pull, and take away again when their cells are measured.</summary>
/// <param name="environment">Where things lie.</param>
/// <param name="suite">The suite.</param>
/// <param name="servers">Servers that the run starts.</param>
/// <param name="logFolder">Folder of the workers' logs.</param>
/// <param name="events">Receives what is pulled.</param>
internal sealed class ServedModels(RunnerEnvironment environment, Suite suite, ServerCells servers, string logFolder,
    IProgress<RunEvent> events)
{
    private static readonly TimeSpan s_removeTimeout = TimeSpan.FromMinutes(1);

    private readonly Dictionary<(BackendId, string), (Cell Cell, ServedAfter After, Prepared State, bool Pulled)> _known = [];

    /// <summary>Has the cell's server pull its model, if the suite says so and the server lacks it.</summary>
    /// <param name="cell">A cell of a model that servers have.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>Why it isn't there; null when it is, or nothing was asked.</returns>
    public async Task<Prepared?> FaultAsync(Cell cell, CancellationToken cancellationToken)
    {
        if (suite.Models.FirstOrDefault(m => m.Id == cell.Model) is not { } model) return null;
        if (!model.Pull && model.After == ServedAfter.Keep) return null;
        (BackendId, string) key = (cell.Backend, cell.Variant.Id);
        if (!_known.TryGetValue(key, out var known))
        {
            (Prepared state, bool pulled) = model.Pull ? await PullAsync(cell, cancellationToken) : (Prepared.Ready(""), false);
            _known[key] = known = (cell, model.After, state, pulled);
        }

        return known.State.Status == CellStatus.Ok ? null : known.State;
    }

    /// <summary>Has servers take away what the suite doesn't want to be kept. What fails is said, and hinders nothing.</summary>
    public async Task EndAsync()
    {
        foreach ((Cell cell, ServedAfter after, Prepared state, bool pulled) in _known.Values)
        {
            if (after == ServedAfter.Keep || state.Status != CellStatus.Ok) continue;
            WorkerJobKind kind = after == ServedAfter.Delete && pulled ? WorkerJobKind.Delete : WorkerJobKind.Unload;
            (CellResult ended, _) = await WorkAsync(cell, kind, new WorkerLimits(s_removeTimeout), "", CancellationToken.None);
            if (ended.Status != CellStatus.Ok)
                events.Report(new RunEvent.Warning($"{cell.Variant} stays on {cell.Backend}: {ended.Reason}"));
        }

        _known.Clear();
    }

    private async Task<(Prepared State, bool Pulled)> PullAsync(Cell cell, CancellationToken cancellationToken)
    {
        string name = $"pulling {cell.Variant.Scheme.Name} on {cell.Backend}";
        long start = environment.Clock.GetTimestamp();
        events.Report(new RunEvent.PreparationStarted(cell.Model, name));
        (CellResult ended, bool pulled) =
            await WorkAsync(cell, WorkerJobKind.Pull, new WorkerLimits(suite.Limits.PrepareTimeout), name, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        Prepared state = ended.Status == CellStatus.Ok ? Prepared.Ready("") : Prepared.Not(ended.Status, $"{name}: {ended.Reason}");
        events.Report(new RunEvent.PreparationEnded(cell.Model, name, ended.Status == CellStatus.Ok && !pulled,
            environment.Clock.GetElapsedTime(start).TotalSeconds, 0, state.Reason));
        return (state, pulled);
    }

    private async Task<(CellResult Ended, bool Pulled)> WorkAsync(Cell cell, WorkerJobKind kind, WorkerLimits limits, string name,
        CancellationToken cancellationToken)
    {
        bool pulled = false;
        var progress = new Forward<EvaluationProgress>(p =>
        {
            if (name.Length > 0) events.Report(new RunEvent.PreparationProgress(cell.Model, name, p));
        });
        var asked = new CellJob(cell, null, null, null, ImmutableSortedDictionary<string, string>.Empty);
        CellResult ended = await servers.RunAsync(asked, async (served, stop) =>
        {
            WorkerJob job = environment.NewJob(kind, cell.Backend.Engine) with
            {
                Cell = WorkerCell.Of(cell),
                ServerDevice = served.ServerDevice,
            };
            WorkerOutcome outcome = await new WorkerProcess(environment.Worker, environment.Clock)
                .RunAsync(job, limits, Path.Combine(logFolder, $"models-{cell.Id}.log"), progress, stop);
            return outcome.Match(
                finished: f =>
                {
                    pulled = f.Value.Pulled;
                    return Of(f.Value.Unsupported is null ? CellStatus.Ok : CellStatus.Unsupported, f.Value.Unsupported);
                },
                failed: f => Of(CellStatus.Failed, QuantBenchException.Explain(f.Reason, f.Hint)),
                cancelled: () => Of(CellStatus.Cancelled, "stopped"));
        }, cancellationToken);
        return (ended, pulled);

        CellResult Of(CellStatus status, string? reason) => new() { Cell = cell, Status = status, Reason = reason };
    }
}
