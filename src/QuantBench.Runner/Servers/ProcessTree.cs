using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Servers;

/// <summary>A process with everything it started, as Linux's <c>/proc</c> tells it; elsewhere empty.</summary>
internal static class ProcessTree
{
    /// <summary>The process, all of its descendants, and whoever else is of its session: a child whose parent died is nobody's descendant
    /// any more.</summary>
    /// <param name="root">The process; it leads a session of its own.</param>
    public static IReadOnlyList<int> Of(int root)
    {
        var parents = new Dictionary<int, int>();
        var members = new HashSet<int>();
        if (!Directory.Exists("/proc/self")) return [];
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder.AsSpan()), CultureInfo.InvariantCulture, out int id)
                || Stat(id) is not { } stat) continue;
            parents[id] = stat.Parent;
            if (id == root || stat.Session == root) members.Add(id);
        }

        bool found;
        do
        {
            found = false;
            foreach ((int id, int parent) in parents) found |= members.Contains(parent) && members.Add(id);
        }
        while (found);
        return [.. members];
    }

    /// <summary>Resident bytes of processes: pages that several share count in each.</summary>
    /// <param name="members">Process ids.</param>
    public static long Resident(IEnumerable<int> members) => members.Sum(id => ProcessMemory.Resident(id) ?? 0);

    /// <summary>Proportional bytes of processes: a page that n processes share counts 1/n in each. Null when the kernel doesn't
    /// tell.</summary>
    /// <param name="members">Process ids.</param>
    public static long? Proportional(IEnumerable<int> members)
    {
        long? sum = null;
        foreach (int id in members)
        {
            if (ProcessMemory.Field($"/proc/{id}/smaps_rollup", "Pss:") is { } kibibytes) sum = (sum ?? 0) + kibibytes * 1024;
        }

        return sum;
    }

    /// <summary>Parent and session of a process; null when it is gone.</summary>
    private static (int Parent, int Session)? Stat(int id)
    {
        try
        {
            string text = File.ReadAllText($"/proc/{id}/stat");
            // "id (name) state parent group session …"; the name may hold anything, parentheses too.
            string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ', 5);
            return (int.Parse(fields[1], CultureInfo.InvariantCulture), int.Parse(fields[3], CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return null;
        }
    }
}
