using System.Runtime.InteropServices;

namespace QuantBench.Inference.Traffic;

/// <summary>Puts the thread that sends before all others, where the OS lets this user: so it wakes up when it is time, however busy the
/// threads that read replies keep the cores.</summary>
internal static partial class PacePriority
{
    /// <summary>The thread runs as soon as it wants to.</summary>
    public const string RealTime = "real-time";

    /// <summary>The thread goes before most others.</summary>
    public const string Raised = "raised";

    /// <summary>The thread takes its turn.</summary>
    public const string Usual = "as other threads";

    // SCHED_RR with SCHED_RESET_ON_FORK: threads that it starts, such as the pool's, don't inherit it.
    private const int RoundRobin = 2 | 0x40000000;
    private const int Other = 0x40000000;
    private const int Nice = -11;

    /// <summary>Raises the calling thread.</summary>
    /// <returns>What was allowed, in a word.</returns>
    public static string Raise()
    {
        if (OperatingSystem.IsWindows()) return Raised; // .NET sets ThreadPriority there
        if (!OperatingSystem.IsLinux()) return Usual;
        int priority = 1;
        if (SetScheduler(0, RoundRobin, in priority) == 0) return RealTime;
        priority = 0;
        return SetScheduler(0, Other, in priority) == 0 && SetPriority(0, 0, Nice) == 0 ? Raised : Usual;
    }

    // Its last parameter is a struct of this one number.
    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    private static partial int SetScheduler(int thread, int policy, in int priority);

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int thread, int priority);
}
