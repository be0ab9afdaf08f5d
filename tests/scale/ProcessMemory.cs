using System.Globalization;

namespace QuantBench.Scale;

/// <summary>What the kernel says of a process's memory.</summary>
internal static class ProcessMemory
{
    /// <summary>One field of <c>/proc/ID/status</c> in kilobytes of 1,000 bytes; 0 once the process has ended.</summary>
    public static double Kilobytes(int id, string field)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{id}/status").FirstOrDefault(l => l.StartsWith(field + ":", StringComparison.Ordinal));
            return line is null ? 0
                : double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1.024;
        }
        catch (IOException)
        {
            return 0; // it ended in between
        }
    }
}
