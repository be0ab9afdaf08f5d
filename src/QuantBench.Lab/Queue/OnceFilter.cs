using Hangfire.States;

namespace QuantBench.Lab.Queue;

/// <summary>A job that is being worked on isn't handed to a second worker, whatever Hangfire thinks became of the first: whoever asks
/// for it in that state gets a failed one. The queue's own half goes on with what a dead server left.</summary>
internal sealed class OnceFilter : IElectStateFilter
{
    /// <inheritdoc/>
    public void OnStateElection(ElectStateContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.CurrentState == ProcessingState.StateName && context.CandidateState.Name == ProcessingState.StateName)
            context.CandidateState = new FailedState(new InvalidOperationException("a worker has this run already"));
    }
}
