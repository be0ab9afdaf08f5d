using System.Collections.Immutable;
using QuantBench.Core.Machine;

namespace QuantBench.Inference.Evaluators;

/// <summary>The machine this process runs on.</summary>
/// <param name="clock">The one clock.</param>
public sealed class MachineProbe(TimeProvider clock) : IMachineProbe, IDisposable
{
    /// <summary>Name of the condition that tells which share of all cores other processes kept busy since the previous reading.</summary>
    public const string OtherShare = "other_cpu_share";

    private readonly MachineConditions _conditions = new(clock);
    private readonly InterferenceReader _interference = new(clock);
    private readonly EnergyCounters _energy = new();

    /// <inheritdoc/>
    // The runtime counted when it started; since then the process may have been put on fewer.
    public int UsableCores => Math.Min(Environment.ProcessorCount, CorePlacement.AllowedCores() ?? int.MaxValue);

    /// <inheritdoc/>
    public long? ResidentBytes() => ProcessMemory.Read().ResidentBytes;

    /// <inheritdoc/>
    public long? PeakResidentBytes() => ProcessMemory.Read().PeakResidentBytes;

    /// <inheritdoc/>
    public ImmutableSortedDictionary<string, double> Conditions() => _conditions.Read();

    /// <inheritdoc/>
    public Interference? NextInterference() => _interference.Next();

    /// <inheritdoc/>
    public CoreUse? NextCores(TimeSpan least) => _interference.NextCores(least);

    /// <inheritdoc/>
    public long? MemoryBytes => FingerprintReader.UsableMemory();

    /// <inheritdoc/>
    public EnergyReading Energy(bool devices) => _energy.Read(devices);

    /// <inheritdoc/>
    public void Dispose() => _interference.Dispose();
}
