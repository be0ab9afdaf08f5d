using System.Runtime.InteropServices;

namespace QuantBench.Engines.Managed;

/// <summary>Tells the system which mapped pages aren't needed for now, so that repacked weights aren't resident twice.</summary>
internal static unsafe partial class ResidentPages
{
    private const int DontNeed = 4;

    /// <summary>Drops whole pages of a read-only file mapping; they are read again when touched. Does nothing where it can't be done.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="bytes">Number of bytes.</param>
    public static void Drop(byte* start, long bytes)
    {
        if (!OperatingSystem.IsLinux()) return;
        nuint page = (nuint)Environment.SystemPageSize;
        nuint first = ((nuint)start + page - 1) / page * page;
        nuint end = ((nuint)start + (nuint)bytes) / page * page;

        // Only advice: when it is refused, more memory stays resident and nothing else changes.
        if (end > first) _ = Advise((void*)first, end - first, DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* start, nuint length, int advice);
}
