using System.Globalization;
using QuantBench.Core.Errors;

namespace QuantBench.Runner.Workers;

/// <summary>Memory of other processes and of the machine, as Linux tells it; null elsewhere.</summary>
internal static class ProcessMemory
{
    private static readonly long s_pageBytes = Environment.SystemPageSize;

    /// <summary>Resident bytes of a process; null when it is gone or the OS doesn't tell.</summary>
    public static long? Resident(int processId)
    {
        try
        {
            string[] fields = File.ReadAllText($"/proc/{processId}/statm").Split(' ');
            return fields.Length > 1 && long.TryParse(fields[1], CultureInfo.InvariantCulture, out long pages) ? pages * s_pageBytes : null;
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return null;
        }
    }

    /// <summary>Memory that can be had without swapping.</summary>
    public static long? Available() => Field("/proc/meminfo", "MemAvailable:") * 1024;

    /// <summary>How many processes the kernel has killed for memory so far, on the machine and in this container.</summary>
    public static long OutOfMemoryKills() =>
        (Field("/proc/vmstat", "oom_kill") ?? 0) + (Field("/sys/fs/cgroup/memory.events", "oom_kill") ?? 0);

    /// <summary>The number of a line of a kernel's table; null when it isn't there.</summary>
    /// <param name="path">The table.</param>
    /// <param name="name">The line's first word.</param>
    public static long? Field(string path, string name)
    {
        try
        {
            foreach (string line in File.ReadLines(path))
            {
                string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (parts.Length > 1 && parts[0] == name && long.TryParse(parts[1], CultureInfo.InvariantCulture, out long value))
                    return value;
            }
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // Not Linux, or hidden by the container.
        }

        return null;
    }
}
