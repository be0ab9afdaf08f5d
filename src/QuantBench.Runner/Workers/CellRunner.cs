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
}

/// <summary>Measures cells, each in a worker process, and turns whatever happens into a result.</summary>
/// <param name="environment">Where things lie.</param>
internal sealed class CellRunner(RunnerEnvironment environment)
{
    /// <summary>Condition of a cell: milliseconds of wall time beyond the engine's load and work.</summary>
    public const string HarnessMilliseconds = "harness_ms";

    /// <summary>How long a worker may take to stop by itself before it is killed.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Measures one cell.</summary>
    /// <param name="job">The cell with what it needs.</param>
    /// <param name="limits">Its limits.</param>
    /// <param name="logPath">File for its log; null = none.</param>
    /// <param name="progress">Receives what the worker tells.</param>
    /// <param name="cancellationToken">Kills the worker; the result is then <c>cancelled</c> and not to be recorded.</param>
    public async Task<CellResult> RunAsync(
        CellJob job, WorkerLimits limits, string? logPath, IProgress<EvaluationProgress> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(job);
        DateTimeOffset started = environment.Clock.GetUtcNow();
        long start = environment.Clock.GetTimestamp();
        WorkerJob message = environment.NewJob(WorkerJobKind.Cell, job.Cell.Backend.Engine) with
        {
            Cell = WorkerCell.Of(job.Cell),
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
            .RunAsync(message, limits, logPath, progress, cancellationToken);
        CellResult result = outcome.Match(
            finished: f => f.Value.Unsupported is { } reason
                ? new CellResult { Cell = job.Cell, Status = CellStatus.Unsupported, Reason = reason }
                : new CellResult
                {
                    Cell = job.Cell,
                    Status = CellStatus.Ok,
                    Metrics = [.. f.Value.Metrics],
                    Notes = f.Value.Notes.Length > 0 ? [.. f.Value.Notes] : null,
                    Conditions = f.Value.Conditions.ToImmutableSortedDictionary(StringComparer.Ordinal),
                    Provenance = f.Value.Provenance.ToImmutableSortedDictionary(StringComparer.Ordinal),
                },
            failed: f => new CellResult
            {
                Cell = job.Cell,
                Status = CellStatus.Failed,
                Failure = f.Kind,
                Reason = QuantBenchException.Explain(f.Reason, f.Hint),
            },
            cancelled: () => new CellResult { Cell = job.Cell, Status = CellStatus.Cancelled, Reason = "stopped by the user" });
        TimeSpan wall = environment.Clock.GetElapsedTime(start);
        return result with
        {
            Started = started,
            Seconds = wall.TotalSeconds,
            // What the cell cost beyond its own load and work: the process, the protocol, reading the text.
            Conditions = result.Conditions.TryGetValue(WorkerHost.WorkMilliseconds, out double work)
                ? result.Conditions.SetItem(HarnessMilliseconds, wall.TotalMilliseconds - work)
                : result.Conditions,
            // The worker's words about the engine stand; the runner's about files are its own.
            Provenance = result.Provenance.SetItems(job.Provenance),
        };
    }
}
