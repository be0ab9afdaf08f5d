namespace QuantBench.Core.Machine;

/// <summary>What else the machine did in a span of time, as far as the OS tells.</summary>
/// <param name="Seconds">Length of the span.</param>
/// <param name="WaitedSeconds">Time that computing threads of this process could have run and waited for a core, summed over
/// them.</param>
/// <param name="InvoluntarySwitches">How often the OS took a core away from them; null where it isn't told.</param>
/// <param name="MajorFaults">Page faults that waited for a disk; null where it isn't told.</param>
public readonly record struct Interference(double Seconds, double WaitedSeconds, long? InvoluntarySwitches, long? MajorFaults)
{
    /// <summary>Time waited per second; above 1 when several threads waited at once.</summary>
    public double WaitedShare => Seconds > 0 ? WaitedSeconds / Seconds : 0;
}

/// <summary>What processors did in a span of time: too coarse for single repetitions, whose ticks are 10 ms.</summary>
/// <param name="OtherShare">Share of all cores that other processes kept busy.</param>
/// <param name="StealShare">Share of all cores that the hypervisor gave to others.</param>
public readonly record struct CoreUse(double OtherShare, double StealShare)
{
    /// <summary>How often cores were slowed down because of their heat; null where it isn't told.</summary>
    public long? ThrottleEvents { get; init; }

    /// <summary>Clock of the fastest core at the span's end, in MHz: idle ones stand low. Null where it isn't told.</summary>
    public double? FastestMegahertz { get; init; }

    /// <summary>Share of the time in which some thread of the machine, this process's among them, waited for a core; null where it isn't
    /// told.</summary>
    public double? CpuPressure { get; init; }

    /// <summary>Share of the time in which some thread waited for memory; null where it isn't told.</summary>
    public double? MemoryPressure { get; init; }

    /// <summary>Share of the time in which some thread waited for a disk; null where it isn't told.</summary>
    public double? IoPressure { get; init; }
}
