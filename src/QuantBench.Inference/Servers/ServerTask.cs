using System.Runtime.ExceptionServices;

namespace QuantBench.Inference.Servers;

/// <summary>Waits for a server where the caller is synchronous: its thread has nothing else to do, and the pool's are free.</summary>
internal static class ServerTask
{
    /// <summary>The task's result, or its own exception.</summary>
    /// <param name="task">The task.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public static T Await<T>(Task<T> task, CancellationToken cancellationToken)
    {
        Await((Task)task, cancellationToken);
        return task.Result;
    }

    /// <summary>Waits for a task; throws its own exception.</summary>
    /// <param name="task">The task.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public static void Await(Task task, CancellationToken cancellationToken)
    {
        try
        {
            task.Wait(cancellationToken);
        }
        catch (AggregateException e) when (e.InnerException is { } inner)
        {
            ExceptionDispatchInfo.Throw(inner);
        }
    }
}
