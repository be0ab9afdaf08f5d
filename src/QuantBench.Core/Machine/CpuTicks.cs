using System.Globalization;

namespace QuantBench.Core.Machine;

/// <summary>CPU time spent so far, in clock ticks.</summary>
/// <param name="Busy">All processes: user, nice, system, irq, softirq and steal.</param>
/// <param name="Own">This process: user and system.</param>
/// <param name="Cores">Cores the kernel counts.</param>
internal readonly record struct CpuTicks(long Busy, long Own, int Cores)
{
    /// <summary>Parses /proc/stat and /proc/self/stat; null when either isn't in the known shape.</summary>
    public static CpuTicks? Parse(string all, string own)
    {
        string[] lines = all.Split('\n');
        string[] total = lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        // The command's name is in parentheses and may hold spaces; user and system time are the 12th and 13th words after it.
        string[] mine = own[(own.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (total.Length < 9 || total[0] != "cpu" || mine.Length < 13) return null;
        int cores = lines.Count(l => l.StartsWith("cpu", StringComparison.Ordinal) && l.Length > 3 && char.IsAsciiDigit(l[3]));
        long busy = 0;
        foreach (int column in (ReadOnlySpan<int>)[1, 2, 3, 6, 7, 8])
        {
            if (!Number(total[column], out long ticks)) return null;
            busy += ticks;
        }

        return cores > 0 && Number(mine[11], out long user) && Number(mine[12], out long system) ? new CpuTicks(busy, user + system, cores)
            : null;
    }

    private static bool Number(string text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
