using System.Globalization;

namespace QuantBench.Core.Machine;

/// <summary>Resident memory of a process as the Linux kernel accounts it, in bytes; null where it isn't told.</summary>
/// <param name="ResidentBytes">VmRSS.</param>
/// <param name="PeakResidentBytes">VmHWM: the largest VmRSS so far.</param>
public readonly record struct ProcessMemory(long? ResidentBytes, long? PeakResidentBytes)
{
    /// <summary>Reads it for a process; elsewhere than on Linux from the runtime, for this process only.</summary>
    /// <param name="processId">Process id; null = this process.</param>
    /// <param name="root">Root directory; null = the machine's.</param>
    public static ProcessMemory Read(int? processId = null, string? root = null)
    {
        string directory = processId is { } id ? id.ToString(CultureInfo.InvariantCulture) : "self";
        if (new MachineFiles(root ?? "/").Text($"proc/{directory}/status") is { } status) return Parse(status);
        if (processId is not null || root is not null) return default;
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return new ProcessMemory(process.WorkingSet64, process.PeakWorkingSet64 > 0 ? process.PeakWorkingSet64 : null);
    }

    /// <summary>Parses the text of /proc/[pid]/status.</summary>
    public static ProcessMemory Parse(string status)
    {
        ArgumentNullException.ThrowIfNull(status);
        return new ProcessMemory(KiB(status, "VmRSS"), KiB(status, "VmHWM"));
    }

    /// <summary>A line <c>Name:   123 kB</c> in bytes; also the shape of /proc/meminfo.</summary>
    internal static long? KiB(string text, string name)
    {
        foreach (string line in text.Split('\n'))
        {
            if (!line.StartsWith(name + ":", StringComparison.Ordinal)) continue;
            string[] parts = line[(name.Length + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return parts is [string number, "kB"] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kib)
                && kib < long.MaxValue >> 10
                ? kib << 10
                : null;
        }

        return null;
    }
}
