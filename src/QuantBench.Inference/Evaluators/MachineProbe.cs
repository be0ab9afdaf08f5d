using System.Collections.Immutable;
using System.Globalization;

namespace QuantBench.Inference.Evaluators;

/// <summary>Reads Linux's /proc and /sys; elsewhere only what .NET tells. Nothing throws: an unreadable file is an absent figure.</summary>
/// <param name="clock">The one clock.</param>
public sealed class MachineProbe(TimeProvider clock) : IMachineProbe
{
    /// <summary>Name of the condition that tells how many cores other processes kept busy since the previous reading.</summary>
    public const string OtherLoad = "other_load";

    private long _timestamp = clock.GetTimestamp();
    private double? _busySeconds = BusySeconds();
    private double _ownSeconds = OwnSeconds();

    /// <inheritdoc/>
    public int UsableCores => Environment.ProcessorCount;

    /// <inheritdoc/>
    public long? ResidentBytes() => StatusBytes("VmRSS:") ?? Environment.WorkingSet;

    /// <inheritdoc/>
    public long? PeakResidentBytes() => StatusBytes("VmHWM:");

    /// <inheritdoc/>
    public ImmutableSortedDictionary<string, double> Conditions()
    {
        var conditions = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        if (Number(FirstWord(ReadText("/proc/loadavg"))) is { } load) conditions["load_1m"] = load;
        AddOtherLoad(conditions);
        foreach (string zone in Folders("/sys/class/thermal", "thermal_zone*"))
        {
            if (Number(ReadText($"{zone}/temp")) is { } milli) conditions[$"temperature_{Path.GetFileName(zone)}_c"] = milli / 1000;
        }

        double sum = 0;
        int cores = 0;
        double throttles = 0;
        bool throttlesKnown = false;
        foreach (string cpu in Folders("/sys/devices/system/cpu", "cpu*"))
        {
            if (Number(ReadText($"{cpu}/cpufreq/scaling_cur_freq")) is { } kiloHertz)
            {
                sum += kiloHertz / 1000;
                cores++;
            }

            if (Number(ReadText($"{cpu}/thermal_throttle/core_throttle_count")) is not { } count) continue;
            throttles += count;
            throttlesKnown = true;
        }

        if (cores > 0) conditions["cpu_mhz"] = sum / cores;
        if (throttlesKnown) conditions["throttle_count"] = throttles;
        return conditions.ToImmutable();
    }

    private static double OwnSeconds() => Environment.CpuUsage.TotalTime.TotalSeconds;

    // Seconds of CPU time that all processes used since boot; /proc/stat counts in ticks of 1/100 s (USER_HZ, fixed on all Linux platforms).
    private static double? BusySeconds()
    {
        string[] fields = (ReadText("/proc/stat") ?? "").Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 8 || fields[0] != "cpu") return null;
        double ticks = 0;
        foreach (int field in (ReadOnlySpan<int>)[1, 2, 3, 6, 7])
        {
            if (Number(fields[field]) is not { } value) return null;
            ticks += value;
        }

        return ticks / 100;
    }

    private void AddOtherLoad(ImmutableSortedDictionary<string, double>.Builder conditions)
    {
        double? busy = BusySeconds();
        double own = OwnSeconds();
        double seconds = clock.GetElapsedTime(_timestamp).TotalSeconds;

        // Below a tenth of a second the ticks are too coarse to say anything.
        if (busy is { } now && _busySeconds is { } then && seconds >= 0.1) conditions[OtherLoad] = Math.Max(0, (now - then - (own - _ownSeconds)) / seconds);
        (_timestamp, _busySeconds, _ownSeconds) = (clock.GetTimestamp(), busy, own);
    }

    private static long? StatusBytes(string key)
    {
        foreach (string line in (ReadText("/proc/self/status") ?? "").Split('\n'))
        {
            if (line.StartsWith(key, StringComparison.Ordinal) && Number(FirstWord(line[key.Length..])) is { } kibibytes) return (long)kibibytes * 1024;
        }

        return null;
    }

    private static string? FirstWord(string? text) => text?.Trim().Split(' ')[0];

    private static double? Number(string? text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null;

    private static string? ReadText(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string[] Folders(string path, string pattern)
    {
        try
        {
            return Directory.Exists(path) ? Directory.GetDirectories(path, pattern) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
