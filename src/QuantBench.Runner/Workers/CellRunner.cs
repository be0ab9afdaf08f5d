using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Runner.Workers;

/// <summary>What a cell is measured with.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Artifact">Its artifact; null for workloads that run no model.</param>
/// <param name="Text">Its evaluation text, for quality workloads.</param>
/// <param name="ReferencePath">Reference log-probabilities, for divergence.</param>
/// <param name="Provenance">What is known about its inputs.</param>
internal sealed record CellJob(
    Cell Cell, Artifact? Artifact, WorkerText? Text, string? ReferencePath, ImmutableSortedDictionary<string, string> Provenance)
{
    /// <summary>Items, for a task.</summary>
    public WorkerItems? Items { get; init; }

    /// <summary>Memory bandwidth of the machine in bytes per second, for kernels.</summary>
    public double? MemoryBandwidth { get; init; }

    /// <summary>Worker processes that measure the cell, this one among them.</summary>
    public int Launches { get; init; } = 1;

    /// <summary>Where the server is that the run started for the cell, as a device; null when it needs none.</summary>
    public string? ServerDevice { get; init; }

    /// <summary>Number of this one of them, from 1.</summary>
    public int Launch { get; init; } = 1;

    /// <summary>Folder for files that the cell leaves beside its result; null = none.</summary>
    public string? OutputFolder { get; init; }

    /// <summary>Other cells of the same artifact and text that are measured in the same pass.</summary>
    public ImmutableArray<CellPart> Others { get; init; } = [];
}

/// <summary>A cell that is measured together with another one.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="ReferencePath">Reference log-probabilities, for divergence.</param>
/// <param name="Provenance">What is known about its inputs.</param>
internal sealed record CellPart(Cell Cell, string? ReferencePath, ImmutableSortedDictionary<string, string> Provenance);

/// <summary>Measures cells, each in a worker process, and turns whatever happens into a result.</summary>
/// <param name="environment">Where things lie.</param>
internal sealed class CellRunner(RunnerEnvironment environment)
{
    /// <summary>Condition of a cell: milliseconds of wall time beyond the engine's load and work.</summary>
    public const string HarnessMilliseconds = "harness_ms";

    /// <summary>Key in the provenance of cells that another one's pass has measured too: that one's id. Their own seconds are 0.</summary>
    public const string MeasuredWith = "measured_with";

    /// <summary>How long a worker may take to stop by itself before it is killed.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Measures a cell and the others of its job in one worker process.</summary>
    /// <param name="job">The cells with what they need.</param>
    /// <param name="limits">Limits of one cell: all together have as many times the time.</param>
    /// <param name="logPath">File for their log; null = none.</param>
    /// <param name="progress">Receives what the worker tells.</param>
    /// <param name="cancellationToken">Kills the worker; the results are then <c>cancelled</c> and not to be recorded.</param>
    /// <returns>The cell's result, then those of the others.</returns>
    public async Task<ImmutableArray<CellResult>> RunAsync(
        CellJob job, WorkerLimits limits, string? logPath, IProgress<EvaluationProgress> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(job);
        DateTimeOffset started = environment.Clock.GetUtcNow();
        long start = environment.Clock.GetTimestamp();
        WorkerJob message = environment.NewJob(WorkerJobKind.Cell, job.Cell.Backend.Engine) with
        {
            Cell = WorkerCell.Of(job.Cell),
            Others = [.. job.Others.Select(o => new WorkerPart(WorkerCell.Of(o.Cell), o.ReferencePath))],
            Artifact = job.Artifact is { } artifact ? WorkerArtifact.Of(artifact) : null,
            MemoryBandwidth = job.MemoryBandwidth,
            Launches = job.Launches,
            Launch = job.Launch,
            Text = job.Text,
            Items = job.Items,
            ReferencePath = job.ReferencePath,
            OutputFolder = job.OutputFolder,
            ServerDevice = job.ServerDevice,
        };
        WorkerOutcome outcome = await new WorkerProcess(environment.Worker, environment.Clock) { Grace = Grace }
            .RunAsync(message, limits with { Timeout = limits.Timeout * (1 + job.Others.Length) }, logPath, progress, cancellationToken);
        TimeSpan wall = environment.Clock.GetElapsedTime(start);
        CellPart[] parts = [new CellPart(job.Cell, job.ReferencePath, job.Provenance), .. job.Others];
        return [.. parts.Select((part, index) => Finished(Of(part.Cell, index, outcome), part, index))];

        CellResult Finished(CellResult result, CellPart part, int index) => result with
        {
            Started = started,
            Seconds = index == 0 ? wall.TotalSeconds : 0,
            // What the cell cost beyond its own load and work: the process, the protocol, reading the text.
            Conditions = result.Conditions.TryGetValue(WorkerHost.WorkMilliseconds, out double work)
                ? result.Conditions.SetItem(HarnessMilliseconds, wall.TotalMilliseconds - work)
                : result.Conditions,
            // The worker's words about the engine stand; the runner's about files are its own.
            Provenance = (index == 0 ? result.Provenance : result.Provenance.SetItem(MeasuredWith, job.Cell.Id.Value))
                .SetItems(part.Provenance),
        };
    }

    private static CellResult Of(Cell cell, int index, WorkerOutcome outcome) => outcome.Match(
        // What can't be done at all can't be done for any cell of the pass.
        finished: f => Of(cell, index == 0 || f.Value is { Unsupported: not null, Others.Length: 0 }
            ? f.Value : f.Value.Others.ElementAtOrDefault(index - 1)),
        failed: f => new CellResult
        {
            Cell = cell,
            Status = CellStatus.Failed,
            Failure = f.Kind,
            Reason = QuantBenchException.Explain(f.Reason, f.Hint),
        },
        cancelled: () => new CellResult { Cell = cell, Status = CellStatus.Cancelled, Reason = "stopped by the user" });

    private static CellResult Of(Cell cell, WorkerResult? result) => result switch
    {
        null => new CellResult
        {
            Cell = cell,
            Status = CellStatus.Failed,
            Failure = FailureKind.Error,
            Reason = "the worker said nothing of this cell",
        },
        { Unsupported: { } reason } => new CellResult { Cell = cell, Status = CellStatus.Unsupported, Reason = reason },
        { Failed: { } reason } => new CellResult
        {
            Cell = cell,
            Status = CellStatus.Failed,
            Failure = FailureKind.Error,
            Reason = reason,
        },
        _ => new CellResult
        {
            Cell = cell,
            Status = CellStatus.Ok,
            Metrics = [.. result.Metrics],
            Notes = result.Notes.Length > 0 ? [.. result.Notes] : null,
            Conditions = result.Conditions.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Provenance = result.Provenance.ToImmutableSortedDictionary(StringComparer.Ordinal),
        },
    };
}
