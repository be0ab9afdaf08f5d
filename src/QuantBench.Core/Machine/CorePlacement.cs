using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;

namespace QuantBench.Core.Machine;

/// <summary>On which cores the threads of this process may run, and with what priority: set and read back by Linux's means.</summary>
public static partial class CorePlacement
{
    /// <summary>Said where the OS doesn't tell.</summary>
    public const string NotKnown = "not known here";

    private const string Autogroup = "/proc/self/autogroup";
    private const int BitsPerWord = 64;
    private const int ProcessPriority = 0; // PRIO_PROCESS; to Linux a thread is one

    /// <summary>Puts all threads of this process where they are wanted; those they start follow.</summary>
    /// <param name="cores">As in <see cref="CoreSet"/>; empty = as they come.</param>
    /// <param name="priority">Nice value, −20 (first) to 19 (last); 0 = as it comes.</param>
    /// <exception cref="UnsupportedException">It can't be done here; the message says why.</exception>
    public static void Apply(string cores, int priority)
    {
        ArgumentNullException.ThrowIfNull(cores);
        if (cores.Length == 0 && priority == 0) return;
        if (!OperatingSystem.IsLinux())
            throw new UnsupportedException(null, "cores and priority of a cell can be set on Linux only.", "Leave both settings out.");
        if (cores.Length > 0)
        {
            ImmutableArray<int> wanted = CoreSet.Of(cores);
            ulong[] mask = new ulong[(wanted[^1] / BitsPerWord) + 1];
            foreach (int core in wanted) mask[core / BitsPerWord] |= 1UL << (core % BitsPerWord);
            nuint bytes = (nuint)(mask.Length * sizeof(ulong));
            ForEachThread(thread => SetAffinity(thread, bytes, ref mask[0]),
                $"cores {cores} can't be had here: the machine or its container has none of them for this process.");
        }

        if (priority == 0) return;
        // Where the kernel groups processes by session, a nice value counts within its group only: the group gets it, and is ours alone.
        if (File.Exists(Autogroup) && NewSession() >= 0) Weigh(priority);
        ForEachThread(thread => SetPriority(ProcessPriority, thread, priority),
            $"priority {priority} can't be had: raising it needs CAP_SYS_NICE or a limit that allows it (ulimit -e).");
    }

    /// <summary>Where the threads of this process may run, and their nice values, as the OS tells: several where they are not alike.
    /// </summary>
    /// <param name="root">Root directory of the OS's files; null = the machine's.</param>
    public static (string Cores, string Priority) Read(string? root = null)
    {
        var files = new MachineFiles(root ?? "/");
        var cores = new SortedSet<string>(StringComparer.Ordinal);
        var priorities = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string thread in files.Names("proc/self/task", "*"))
        {
            if (AllowedList(files.Text($"proc/self/task/{thread}/status")) is { } list) cores.Add(list);
            // The name is in parentheses and may hold spaces; the nice value is the 17th word after it.
            string[] words = files.Text($"proc/self/task/{thread}/stat") is { } stat
                ? stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];
            if (words.Length > 16) priorities.Add(words[16]);
        }

        return (Joined(cores), Joined(priorities));

        static string Joined(SortedSet<string> all) => all.Count > 0 ? string.Join("; ", all) : NotKnown;
    }

    /// <summary>Cores this process may use now; null where the OS doesn't tell.</summary>
    public static int? AllowedCores() =>
        AllowedList(new MachineFiles("/").Text("proc/self/status")) is { } list ? CoreSet.List(list)?.Length : null;

    private static void Weigh(int priority)
    {
        try
        {
            File.WriteAllText(Autogroup, priority.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw new UnsupportedException(null, $"priority {priority} can't be had: the system doesn't let this process's group have it.");
        }
    }

    private static string? AllowedList(string? status)
    {
        const string Key = "Cpus_allowed_list:";
        return status?.Split('\n').FirstOrDefault(l => l.StartsWith(Key, StringComparison.Ordinal))?[Key.Length..].Trim();
    }

    private static void ForEachThread(Func<int, int> set, string refused)
    {
        foreach (string thread in new MachineFiles("/").Names("proc/self/task", "*"))
        {
            // A thread that has ended since is nobody's trouble.
            if (int.TryParse(thread, out int id) && set(id) != 0 && Path.Exists($"/proc/self/task/{thread}"))
                throw new UnsupportedException(null, refused);
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint bytes, ref ulong mask);

    [LibraryImport("libc", EntryPoint = "setsid")]
    private static partial int NewSession();

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int thread, int priority);
}
