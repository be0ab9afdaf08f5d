using System.Globalization;

namespace QuantBench.Core.Machine;

/// <summary>Limits that control groups put on this process.</summary>
/// <param name="MemoryBytes">Memory limit, or null.</param>
/// <param name="Cores">CPU limit in cores, or null.</param>
internal sealed record Cgroup(long? MemoryBytes, double? Cores)
{
    /// <summary>Limits at or above this are how version 1 spells «none» (the largest page-aligned 63-bit number).</summary>
    private const long Unlimited = 1L << 62;

    /// <summary>Reads the tightest limits on the way from the process's group to the root, of version 2 and 1.</summary>
    public static Cgroup Read(MachineFiles files)
    {
        long? memory = null;
        double? cores = null;
        foreach ((string controllers, string path) in ParseMembership(files.Text("proc/self/cgroup") ?? ""))
        {
            foreach (string directory in Ancestors(path))
            {
                if (controllers.Length == 0)
                {
                    string group = $"sys/fs/cgroup{directory}";
                    memory = Least(memory, ParseMemory(files.Text($"{group}/memory.max")));
                    cores = Least(cores, ParseCpuMax(files.Text($"{group}/cpu.max")));
                    continue;
                }

                string[] names = controllers.Split(',');
                if (names.Contains("memory"))
                    memory = Least(memory, ParseMemory(files.Text($"sys/fs/cgroup/memory{directory}/memory.limit_in_bytes")));
                if (!names.Contains("cpu")) continue;
                foreach (string mount in new[] { "cpu", "cpu,cpuacct" })
                {
                    string group = $"sys/fs/cgroup/{mount}{directory}";
                    cores = Least(cores, ParseQuota(files.Text($"{group}/cpu.cfs_quota_us"), files.Text($"{group}/cpu.cfs_period_us")));
                }
            }
        }

        return new Cgroup(memory, cores);
    }

    /// <summary>Lines <c>id:controllers:path</c> of /proc/self/cgroup; version 2 has no controllers.</summary>
    public static IEnumerable<(string Controllers, string Path)> ParseMembership(string text)
    {
        foreach (string line in text.Split('\n'))
        {
            string[] parts = line.Split(':', 3);
            if (parts.Length == 3 && parts[2].StartsWith('/') && !parts[2].Split('/').Contains(".."))
                yield return (parts[1], parts[2].TrimEnd());
        }
    }

    /// <summary>Bytes, or null for <c>max</c> and version 1's huge number.</summary>
    public static long? ParseMemory(string? text) =>
        long.TryParse(text?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) && bytes < Unlimited ? bytes : null;

    /// <summary>Version 2's <c>quota period</c> in cores; null for <c>max</c>.</summary>
    public static double? ParseCpuMax(string? text) =>
        text?.Trim().Split(' ') is [string quota, string period] ? ParseQuota(quota, period) : null;

    private static double? ParseQuota(string? quota, string? period) =>
        long.TryParse(quota?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long used)
        && long.TryParse(period?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long every) && used > 0 && every > 0
            ? (double)used / every
            : null;

    // Inside a container the group's own path may not be visible; its root then is the container's group.
    private static IEnumerable<string> Ancestors(string path)
    {
        string directory = path.TrimEnd('/');
        while (directory.Length > 0)
        {
            yield return directory;
            directory = directory[..directory.LastIndexOf('/')];
        }

        yield return "";
    }

    private static long? Least(long? a, long? b) => a is null ? b : b is null ? a : Math.Min(a.Value, b.Value);

    private static double? Least(double? a, double? b) => a is null ? b : b is null ? a : Math.Min(a.Value, b.Value);
}
