namespace QuantBench.Lab.Agents;

/// <summary>Wakes those who wait for a job when there may be one.</summary>
public sealed class JobSignal
{
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Wakes everybody who waits now.</summary>
    public void Pulse() => Interlocked.Exchange(ref _next, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>Ends with the next pulse; asked for before one looks, so that none is missed.</summary>
    public Task Next() => Volatile.Read(ref _next).Task;
}
