namespace QuantBench.Runner.Workers;

/// <summary>What a worker process does with its own streams and end.</summary>
public static class WorkerIo
{
    /// <summary>
    /// Takes the process's standard output for the protocol alone: native libraries that print go to standard error from now on.
    /// </summary>
    /// <returns>A stream to what standard output was; null where that can't be done (Windows).</returns>
    public static Stream? TakeStandardOutput() => Libc.TakeStandardOutput();

    /// <summary>Ends this process at once: no finalizers, no handlers, no wait for native threads.</summary>
    /// <param name="code">Exit code.</param>
    public static void ExitNow(int code) => Libc.ExitNow(code);
}
