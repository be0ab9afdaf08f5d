using System.Runtime.InteropServices;

namespace QuantBench.Core.Machine;

/// <summary>What the OS counts of this process (getrusage).</summary>
internal static partial class ResourceUsage
{
    // Two times of two words each, then 14 counters: the same on 64-bit Linux and macOS.
    private const int Words = 18;
    private const int MajorFaults = 4 + 5;
    private const int Involuntary = 4 + 13;

    /// <summary>Involuntary context switches and major page faults so far; null where it isn't told.</summary>
    public static (long Involuntary, long MajorFaults)? Read()
    {
        if (OperatingSystem.IsWindows() || !Environment.Is64BitProcess) return null;
        Span<long> usage = stackalloc long[2 * Words];
        return GetRUsage(0, ref usage[0]) == 0 ? (usage[Involuntary], usage[MajorFaults]) : null;
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static partial int GetRUsage(int who, ref long usage);
}
