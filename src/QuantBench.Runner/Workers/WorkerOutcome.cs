using System.Diagnostics;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;

namespace QuantBench.Runner.Workers;

/// <summary>How a worker process ended.</summary>
public abstract record WorkerOutcome
{
    private WorkerOutcome()
    {
    }

    /// <summary>It wrote its result.</summary>
    /// <param name="Value">The result.</param>
    public sealed record Finished(WorkerResult Value) : WorkerOutcome;

    /// <summary>It failed, was stopped by a limit, or died.</summary>
    /// <param name="Kind">What ended it.</param>
    /// <param name="Reason">Why, in words, with the log's last lines where they help.</param>
    /// <param name="Hint">What to do next, if something useful can be said.</param>
    public sealed record Failed(FailureKind Kind, string Reason, string? Hint = null) : WorkerOutcome
    {
        /// <summary>Whether the reason is the worker's own answer; else it was stopped or died without one.</summary>
        public bool IsAnswer { get; init; }
    }

    /// <summary>The user stopped it.</summary>
    public sealed record Cancelled : WorkerOutcome;

    /// <summary>The result, or the exception that says why there is none.</summary>
    /// <param name="doing">What the worker was to do, e.g. <c>making gguf:F32</c>.</param>
    /// <exception cref="UnsupportedException">It can't be done here.</exception>
    /// <exception cref="EngineException">It failed.</exception>
    /// <exception cref="OperationCanceledException">The user stopped it.</exception>
    public WorkerResult ResultOf(string doing) => this switch
    {
        Finished { Value.Unsupported: { } reason } => throw new UnsupportedException(doing, reason),
        Finished finished => finished.Value,
        Failed failed => throw new EngineException($"{doing}: {failed.Reason}", failed.Hint),
        _ => throw new OperationCanceledException(),
    };

    /// <summary>Calls the function of the case.</summary>
    /// <typeparam name="T">What the functions return.</typeparam>
    /// <param name="finished">For <see cref="Finished"/>.</param>
    /// <param name="failed">For <see cref="Failed"/>.</param>
    /// <param name="cancelled">For <see cref="Cancelled"/>.</param>
    public T Match<T>(Func<Finished, T> finished, Func<Failed, T> failed, Func<T> cancelled)
    {
        ArgumentNullException.ThrowIfNull(finished);
        ArgumentNullException.ThrowIfNull(failed);
        ArgumentNullException.ThrowIfNull(cancelled);
        return this switch
        {
            Finished f => finished(f),
            Failed f => failed(f),
            Cancelled => cancelled(),
            _ => throw new UnreachableException(),
        };
    }
}

/// <summary>Limits of a worker.</summary>
/// <param name="Timeout">Wall-clock limit.</param>
/// <param name="MemoryBytes">Limit on its resident memory; null = none.</param>
public sealed record WorkerLimits(TimeSpan Timeout, long? MemoryBytes = null);

/// <summary>How a worker process is started.</summary>
/// <param name="FileName">The executable.</param>
/// <param name="Arguments">Its arguments.</param>
public sealed record WorkerCommand(string FileName, IReadOnlyList<string> Arguments);
