using System.Collections.Immutable;

namespace QuantBench.Lab.Queue;

/// <summary>Starts runs for the queue.</summary>
public interface IRunLauncher
{
    /// <summary>Runs a suite, or goes on with the run that an earlier server began for it.</summary>
    /// <param name="request">What to run.</param>
    /// <param name="started">Told the run's id before its folder is made.</param>
    /// <param name="cancellationToken">Stops: the run is marked interrupted and can be gone on with.</param>
    Task<LaunchedRun> RunAsync(LaunchRequest request, Action<string> started, CancellationToken cancellationToken);
}

/// <summary>What to run.</summary>
/// <param name="Suite">Absolute path of the suite.</param>
/// <param name="Tag">A tag that says where the run comes from.</param>
/// <param name="RunId">The run that is known to have been begun; null when none is known.</param>
/// <param name="Only">Patterns that narrow the suite.</param>
/// <param name="Labels">More tags.</param>
public sealed record LaunchRequest(string Suite, string Tag, string? RunId, ImmutableArray<string> Only, ImmutableArray<string> Labels);

/// <summary>How a run ended.</summary>
/// <param name="RunId">Its id.</param>
/// <param name="Failed">Cells that failed.</param>
/// <param name="Cells">Cells in all.</param>
/// <param name="Interrupted">Whether it was stopped before its end.</param>
/// <param name="Note">What else is to be said of it; null = nothing.</param>
public sealed record LaunchedRun(string RunId, int Failed, int Cells, bool Interrupted, string? Note = null);
