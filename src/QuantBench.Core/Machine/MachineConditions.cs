using System.Collections.Immutable;
using System.Globalization;

namespace QuantBench.Core.Machine;

/// <summary>
/// Reads the state of the machine around a timing. Keys: <c>load1</c>; <c>other_cpu_share</c> (cores that other processes kept busy since
/// the reader was made or last read, over all cores); <c>temp_cpu_c</c> (hottest CPU sensor, °C); <c>freq_mhz_mean</c>,
/// <c>freq_mhz_min</c>;
/// <c>throttle_count</c> (thermal throttle events since boot, all cores). What the OS doesn't tell is absent. Not thread-safe.
/// </summary>
public sealed class MachineConditions
{
    /// <summary>Clock ticks per second of /proc/stat: USER_HZ, fixed at 100 in the kernel's interface.</summary>
    private const double TicksPerSecond = 100;

    /// <summary>Shorter spans hold too few ticks to tell a share.</summary>
    private static readonly TimeSpan s_shortestSpan = TimeSpan.FromMilliseconds(200);

    private readonly TimeProvider _clock;
    private readonly MachineFiles _files;
    private long _readAt;
    private CpuTicks? _before;

    /// <summary>Makes a reader; the first share counts from here.</summary>
    /// <param name="clock">The clock.</param>
    /// <param name="root">Root directory of the OS's files; null = the machine's.</param>
    public MachineConditions(TimeProvider clock, string? root = null)
    {
        ArgumentNullException.ThrowIfNull(clock);
        (_clock, _files) = (clock, new MachineFiles(root ?? "/"));
        (_readAt, _before) = (clock.GetTimestamp(), ReadTicks());
    }

    /// <summary>Reads everything now.</summary>
    public ImmutableSortedDictionary<string, double> Read()
    {
        ImmutableSortedDictionary<string, double>.Builder found =
            ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        if (double.TryParse(_files.Line("proc/loadavg")?.Split(' ')[0], NumberStyles.Float, CultureInfo.InvariantCulture, out double load))
            found["load1"] = load;
        if (OtherShare() is { } share) found["other_cpu_share"] = share;
        if (Temperature() is { } temperature) found["temp_cpu_c"] = temperature;
        double[] frequencies = Frequencies();
        if (frequencies.Length > 0) (found["freq_mhz_mean"], found["freq_mhz_min"]) = (frequencies.Average(), frequencies.Min());
        long[] throttles = [
            .. Cores().Select(c => _files.Number($"sys/devices/system/cpu/{c}/thermal_throttle/core_throttle_count")).OfType<long>()];
        if (throttles.Length > 0) found["throttle_count"] = throttles.Sum();
        return found.ToImmutable();
    }

    private double? OtherShare()
    {
        TimeSpan span = _clock.GetElapsedTime(_readAt);
        CpuTicks? now = ReadTicks();
        if (span < s_shortestSpan || now is not { } after || _before is not { } before) return null;
        (_readAt, _before) = (_clock.GetTimestamp(), now);
        double capacity = span.TotalSeconds * TicksPerSecond * after.Cores;
        return Math.Clamp((after.Busy - before.Busy - (after.Own - before.Own)) / capacity, 0, 1);
    }

    private CpuTicks? ReadTicks() =>
        _files.Text("proc/stat") is { } all && _files.Text("proc/self/stat") is { } own ? CpuTicks.Parse(all, own) : null;

    private IEnumerable<string> Cores() =>
        _files.Names("sys/devices/system/cpu", "cpu*").Where(c => c.Length > 3 && c.Skip(3).All(char.IsAsciiDigit));

    // hwmon's CPU drivers first: thermal zones may be a battery's or a modem's, so only those named after the CPU count.
    private double? Temperature()
    {
        double? hottest = null;
        foreach (string monitor in _files.Names("sys/class/hwmon", "hwmon*"))
        {
            if (_files.Line($"sys/class/hwmon/{monitor}/name") is not ("coretemp" or "k10temp" or "zenpower" or "cpu_thermal")) continue;
            foreach (string input in _files.Names($"sys/class/hwmon/{monitor}", "temp*_input"))
                Take(_files.Number($"sys/class/hwmon/{monitor}/{input}"));
        }

        foreach (string zone in _files.Names("sys/class/thermal", "thermal_zone*"))
        {
            string type = _files.Line($"sys/class/thermal/{zone}/type") ?? "";
            if (type.Contains("cpu", StringComparison.OrdinalIgnoreCase) || type.Contains("pkg", StringComparison.OrdinalIgnoreCase))
                Take(_files.Number($"sys/class/thermal/{zone}/temp"));
        }

        return hottest;

        void Take(long? milliCelsius)
        {
            // Sensors that aren't wired up tell 0 or nonsense.
            if (milliCelsius is > 0 and < 150_000) hottest = Math.Max(hottest ?? 0, milliCelsius.Value / 1000.0);
        }
    }

    private double[] Frequencies()
    {
        double[] scaled = [
            .. Cores().Select(c => _files.Number($"sys/devices/system/cpu/{c}/cpufreq/scaling_cur_freq")).OfType<long>()
                .Select(khz => khz / 1000.0)];
        return scaled.Length > 0 ? scaled : ParseMegahertz(_files.Text("proc/cpuinfo") ?? "");
    }

    private static double[] ParseMegahertz(string cpuInfo) =>
    [
        .. cpuInfo.Split('\n').Where(l => l.StartsWith("cpu MHz", StringComparison.Ordinal))
            .Select(l =>
                double.TryParse(l[(l.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim(), NumberStyles.Float,
                    CultureInfo.InvariantCulture, out double mhz) ? mhz : 0)
            .Where(mhz => mhz > 0),
    ];
}
