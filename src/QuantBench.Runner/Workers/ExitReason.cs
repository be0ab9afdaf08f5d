using System.Globalization;
using QuantBench.Core.Cells;

namespace QuantBench.Runner.Workers;

/// <summary>Says in words why a worker process ended without a result.</summary>
internal static class ExitReason
{
    private const int Kill = 9;

    private static readonly Dictionary<int, (string Name, string Meaning)> s_signals = new()
    {
        [1] = ("SIGHUP", "the terminal was closed"),
        [2] = ("SIGINT", "interrupted"),
        [4] = ("SIGILL", "illegal instruction: the native build uses instructions this CPU lacks"),
        [5] = ("SIGTRAP", "trap"),
        [6] = ("SIGABRT", "aborted: an assertion in native code failed"),
        [7] = ("SIGBUS", "bus error: a mapped file was cut short, or the memory behind it is gone"),
        [8] = ("SIGFPE", "arithmetic error"),
        [9] = ("SIGKILL", "killed"),
        [11] = ("SIGSEGV", "segmentation fault"),
        [13] = ("SIGPIPE", "broken pipe"),
        [15] = ("SIGTERM", "asked to stop"),
        [24] = ("SIGXCPU", "CPU time limit"),
        [25] = ("SIGXFSZ", "file size limit"),
        [31] = ("SIGSYS", "forbidden system call"),
    };

    /// <summary>The reason.</summary>
    /// <param name="exitCode">.NET's exit code: 128 + signal when a signal ended the process.</param>
    /// <param name="oomKilled">Whether the kernel killed a process for memory meanwhile.</param>
    /// <param name="availableBytes">Memory that is available on the machine now; null when the OS doesn't tell.</param>
    /// <param name="lastResidentBytes">Resident memory of the process when last looked at; 0 when never.</param>
    public static (FailureKind Kind, string Reason) Explain(int exitCode, bool oomKilled, long? availableBytes, long lastResidentBytes)
    {
        if (exitCode <= 128 || !s_signals.TryGetValue(exitCode - 128, out (string Name, string Meaning) signal))
            return (FailureKind.Crashed,
                exitCode == 0 ? "the worker ended without a result" : $"the worker ended with exit code {exitCode} and without a result");
        if (exitCode - 128 != Kill) return (FailureKind.Crashed, $"the worker was killed by {signal.Name} ({signal.Meaning})");
        string used = lastResidentBytes > 0 ? $" at {MiB(lastResidentBytes)} resident" : "";
        bool scarce = availableBytes is { } free && free < Math.Max(256L << 20, lastResidentBytes / 4);
        if (oomKilled) return (FailureKind.OutOfMemory, $"the kernel's out-of-memory killer ended the worker{used}");
        if (scarce)
            return (FailureKind.OutOfMemory,
                $"the worker was killed by SIGKILL{used} with {MiB(availableBytes ?? 0)} available: probably the kernel's out-of-memory "
                    + $"killer");
        return (FailureKind.Crashed, $"the worker was killed by SIGKILL{used}");
    }

    /// <summary>How a server ended, as a predicate.</summary>
    /// <param name="exitCode">A shell's exit code: 128 + signal when a signal ended the process.</param>
    public static string OfServer(int exitCode) =>
        exitCode > 128 && s_signals.TryGetValue(exitCode - 128, out (string Name, string Meaning) signal)
            ? $"was killed by {signal.Name} ({signal.Meaning})" : $"ended with exit code {exitCode}";

    /// <summary>A number of bytes for people.</summary>
    /// <param name="bytes">Bytes.</param>
    public static string MiB(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:F0} MiB");
}
