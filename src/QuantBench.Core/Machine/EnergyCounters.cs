using System.Collections.Immutable;

namespace QuantBench.Core.Machine;

/// <summary>Where energy counters stood.</summary>
/// <param name="MicroJoules">Each counter by its name in powercap.</param>
/// <param name="Ranges">Where each begins anew.</param>
/// <param name="Missing">Why there are none; null when there are.</param>
public sealed record EnergyReading(
    ImmutableSortedDictionary<string, long> MicroJoules, ImmutableSortedDictionary<string, long> Ranges, string? Missing)
{
    /// <summary>What isn't in it, and why; null when nothing is missing.</summary>
    public string? Partly { get; init; }

    /// <summary>No counters, and why.</summary>
    public static EnergyReading None(string why) =>
        new(ImmutableSortedDictionary<string, long>.Empty, ImmutableSortedDictionary<string, long>.Empty, why);
}

/// <summary>Energy of a span.</summary>
/// <param name="Joules">What was used; null when that isn't known.</param>
/// <param name="Verdict">Whose it is where it is known, else why it isn't.</param>
public sealed record EnergySpan(double? Joules, string Verdict);

/// <summary>
/// The processors' energy counters (RAPL), as Linux shows them in powercap: packages, and memory where it is told apart. Cores and graphics
/// are in their package, and the platform's counter holds all of these, so those aren't added. Those of NVIDIA devices are told by NVML.
/// </summary>
/// <param name="root">Root directory of the OS's files; null = the machine's.</param>
/// <param name="nvml">NVIDIA's management library; null = the driver's.</param>
public sealed class EnergyCounters(string? root = null, string? nvml = null)
{
    private const string Device = "nvml:";

    private const string Powercap = "sys/class/powercap";

    // Counters are renewed every millisecond, and lose up to one at each end.
    private const double LeastSeconds = 1;

    // More than any package draws: a counter that went back by less than that would be one that was set back.
    private const double MostWatts = 2000;

    private readonly MachineFiles _files = new(root ?? "/");
    private readonly NvmlEnergy _devices = new(nvml);

    /// <summary>Reads counters now.</summary>
    /// <param name="devices">Whether the work is done on an NVIDIA device: theirs are then needed, and the processors' added where they
    /// can be read. Else those of devices, which idle, don't count.</param>
    public EnergyReading Read(bool devices = false)
    {
        EnergyReading processors = ReadProcessors();
        if (!devices) return processors;
        var joules = processors.MicroJoules.ToBuilder();
        return _devices.ReadInto(joules) is { } missing ? EnergyReading.None(missing)
            : processors with
            {
                MicroJoules = joules.ToImmutable(),
                Missing = null,
                Partly = processors.Missing is { } why ? $"the processors' isn't in it: {why}" : null,
            };
    }

    private EnergyReading ReadProcessors()
    {
        var joules = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        var ranges = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        string? hidden = null;
        foreach (string zone in _files.Names(Powercap, "intel-rapl:*"))
        {
            string name = _files.Line($"{Powercap}/{zone}/name") ?? "";
            if (name != "dram" && !name.StartsWith("package-", StringComparison.Ordinal)) continue;
            if (_files.Number($"{Powercap}/{zone}/energy_uj") is not { } value)
            {
                hidden ??= $"/{Powercap}/{zone}/energy_uj can't be read by this user";
                continue;
            }

            joules[zone] = value;
            ranges[zone] = _files.Number($"{Powercap}/{zone}/max_energy_range_uj") ?? 0;
        }

        // A part of them would be taken for the whole.
        return hidden is not null ? EnergyReading.None(hidden)
            : joules.Count == 0 ? EnergyReading.None("this machine shows no energy counters (RAPL in powercap)")
            : new EnergyReading(joules.ToImmutable(), ranges.ToImmutable(), null);
    }

    /// <summary>What was used between two readings.</summary>
    /// <param name="before">The first.</param>
    /// <param name="after">The second.</param>
    /// <param name="seconds">Between them.</param>
    public static EnergySpan Between(EnergyReading before, EnergyReading after, double seconds)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        if ((before.Missing ?? after.Missing) is { } missing) return new EnergySpan(null, missing);
        if (seconds < LeastSeconds)
        {
            return new EnergySpan(null,
                FormattableString.Invariant($"{seconds:0.##} s are too short for energy counters: {LeastSeconds} s at least"));
        }

        if (!before.MicroJoules.Keys.SequenceEqual(after.MicroJoules.Keys))
            return new EnergySpan(null, "energy counters came or went meanwhile");
        double sum = 0;
        foreach ((string zone, long end) in after.MicroJoules)
        {
            double used = end - before.MicroJoules[zone];
            if (used < 0) used += after.Ranges.GetValueOrDefault(zone); // it began anew
            if (used < 0 || used > MostWatts * seconds * 1e6)
                return new EnergySpan(null, $"the energy counter {zone} was set back meanwhile");
            sum += used / 1e6;
        }

        bool devices = after.MicroJoules.Keys.Any(k => k.StartsWith(Device, StringComparison.Ordinal));
        string whose = !devices ? "processors and the memory they count"
            : after.Partly is null ? "NVIDIA devices, processors and the memory they count" : "NVIDIA devices";
        string partly = after.Partly is { } without ? $"; {without}" : "";
        return new EnergySpan(sum, $"of the whole machine's {whose}, other processes among it{partly}");
    }
}
