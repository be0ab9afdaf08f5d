using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;

namespace QuantBench.Core.Machine;

/// <summary>Which cores a cell may use, as the setting <c>cores</c> names them: a list such as <c>0-3,6</c>, <c>numa:0</c>,
/// <c>performance</c> or <c>efficiency</c>.</summary>
public static class CoreSet
{
    private const string Node = "numa:";
    private const int Most = 4096;

    /// <summary>What is wrong with a text; null when it names cores, on whatever machine.</summary>
    public static string? Problem(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        bool good = text is "" or "performance" or "efficiency" || List(text) is not null
            || (text.StartsWith(Node, StringComparison.Ordinal) && Number(text[Node.Length..]) is not null);
        return good ? null : "give a list such as 0-3,6, or numa:0, performance, efficiency";
    }

    /// <summary>The cores that a text names on this machine.</summary>
    /// <param name="text">A text that has no <see cref="Problem"/>, not empty.</param>
    /// <param name="root">Root directory of the OS's files; null = the machine's.</param>
    /// <returns>Their numbers, rising.</returns>
    /// <exception cref="UnsupportedException">The machine has no such cores, or doesn't tell.</exception>
    public static ImmutableArray<int> Of(string text, string? root = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        var files = new MachineFiles(root ?? "/");
        if (text.StartsWith(Node, StringComparison.Ordinal))
        {
            return FromFile($"sys/devices/system/node/node{text[Node.Length..]}/cpulist")
                ?? throw new UnsupportedException(null, $"cores: {text}: the system names no such NUMA node.");
        }

        if (text is not ("performance" or "efficiency"))
            return List(text) ?? throw new RequestException($"cores: '{text}' names no cores.", Problem(text));
        bool fast = text == "performance";
        // Intel's two kinds are devices of their own; elsewhere cores tell how much they can do.
        if (FromFile($"sys/devices/{(fast ? "cpu_core" : "cpu_atom")}/cpus") is { } kind) return kind;
        (int Core, long Capacity)[] capacities =
        [
            .. files.Names("sys/devices/system/cpu", "cpu*").Select(n => (Core: Number(n[3..]), Capacity: files.Number(
                $"sys/devices/system/cpu/{n}/cpu_capacity"))).Where(c => c is { Core: not null, Capacity: not null })
                .Select(c => (c.Core!.Value, c.Capacity!.Value)), // just looked at
        ];
        long wanted = capacities.Length == 0 ? 0 : fast ? capacities.Max(c => c.Capacity) : capacities.Min(c => c.Capacity);
        return capacities.Any(c => c.Capacity != wanted)
            ? [.. capacities.Where(c => c.Capacity == wanted).Select(c => c.Core).Order()]
            : throw new UnsupportedException(null, $"cores: {text}: the system tells of no cores of several kinds.");

        ImmutableArray<int>? FromFile(string path) => files.Line(path) is { } line ? List(line) : null;
    }

    /// <summary>Reads the kernel's form of a list of cores, <c>0-3,6</c>; null when it isn't one.</summary>
    public static ImmutableArray<int>? List(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var cores = new SortedSet<int>();
        foreach (string part in text.Split(','))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2 || Number(ends[0]) is not { } low || Number(ends[^1]) is not { } high || high < low) return null;
            for (int core = low; core <= high; core++) cores.Add(core);
        }

        return [.. cores];
    }

    private static int? Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < Most ? number : null;
}
