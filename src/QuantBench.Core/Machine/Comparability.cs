using System.Collections.Immutable;
using QuantBench.Core.Runs;

namespace QuantBench.Core.Machine;

/// <summary>One thing in which two machines differ.</summary>
/// <param name="What">What differs, e.g. <c>governor</c>.</param>
/// <param name="A">Its value in the first run.</param>
/// <param name="B">Its value in the second.</param>
public sealed record FingerprintDifference(string What, string A, string B)
{
    /// <inheritdoc/>
    public override string ToString() => $"{What}: {A} / {B}";
}

/// <summary>Says whether timings of two runs may be compared.</summary>
public static class Comparability
{
    private const string Unknown = "unknown";

    /// <summary>Every difference that can move a timing; empty when timings may be compared. Engines that only one run used don't
    /// count.</summary>
    /// <param name="a">Fingerprint of the first run.</param>
    /// <param name="b">Fingerprint of the second.</param>
    public static ImmutableArray<FingerprintDifference> Check(Fingerprint a, Fingerprint b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        ImmutableArray<FingerprintDifference>.Builder found = ImmutableArray.CreateBuilder<FingerprintDifference>();
        Add("machine", a.MachineId, b.MachineId);
        Add("cpu", a.Cpu, b.Cpu);
        Add("cpu flags", string.Join(' ', a.CpuFlags.Order(StringComparer.Ordinal)),
            string.Join(' ', b.CpuFlags.Order(StringComparer.Ordinal)));
        Add("physical cores", a.PhysicalCores?.ToString(), b.PhysicalCores?.ToString());
        Add("logical cores", a.LogicalCores.ToString(), b.LogicalCores.ToString());
        Add("cpu limit", a.CpuLimit?.ToString(), b.CpuLimit?.ToString());
        Add("governor", a.Governor, b.Governor);
        Add("virtualization", a.Virtualization ?? "none seen", b.Virtualization ?? "none seen");
        Add("memory", a.MemoryBytes.ToString(), b.MemoryBytes.ToString());
        Add("memory limit", a.MemoryLimitBytes?.ToString() ?? "none", b.MemoryLimitBytes?.ToString() ?? "none");
        Add("os", a.Os, b.Os);
        Add("kernel", a.Kernel, b.Kernel);
        Add("gpus", string.Join("; ", a.Gpus), string.Join("; ", b.Gpus));
        Add("runtime", a.Runtime, b.Runtime);
        Add("quantbench", a.QuantBench, b.QuantBench);
        foreach ((string engine, string build) in a.Engines)
        {
            if (b.Engines.TryGetValue(engine, out string? other)) Add($"engine {engine}", build, other);
        }

        return found.ToImmutable();

        void Add(string what, string? left, string? right)
        {
            if (left != right) found.Add(new FingerprintDifference(what, left ?? Unknown, right ?? Unknown));
        }
    }
}
