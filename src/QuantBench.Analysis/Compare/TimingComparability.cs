using System.Collections.Immutable;
using QuantBench.Core.Runs;

namespace QuantBench.Analysis.Compare;

/// <summary>What must be equal before timings of two runs are compared.</summary>
internal static class TimingComparability
{
    /// <summary>What differs, in words with both values; empty when timings may be compared.</summary>
    public static ImmutableArray<string> Differences(Fingerprint a, Fingerprint b)
    {
        var differences = ImmutableArray.CreateBuilder<string>();
        Check("machine", a.MachineId, b.MachineId);
        Check("CPU", a.Cpu, b.Cpu);
        Check("instruction sets", string.Join(' ', a.CpuFlags.Order(StringComparer.Ordinal)), string.Join(' ', b.CpuFlags.Order(StringComparer.Ordinal)));
        Check("usable cores", $"{a.LogicalCores}", $"{b.LogicalCores}");
        Check("CPU limit", Text(a.CpuLimit), Text(b.CpuLimit));
        Check("frequency governor", a.Governor, b.Governor);
        Check("virtualization", a.Virtualization, b.Virtualization);
        Check("GPUs", string.Join("; ", a.Gpus), string.Join("; ", b.Gpus));
        CheckMaps("engine", a.Engines, b.Engines);
        CheckMaps("model", a.Models, b.Models);
        return differences.ToImmutable();

        void Check(string what, string? first, string? second)
        {
            if ((first ?? "") != (second ?? "")) differences.Add($"{what} {Text(first)} against {Text(second)}");
        }

        // Only names both runs have: a suite that uses one engine more doesn't spoil the others.
        void CheckMaps(string what, ImmutableSortedDictionary<string, string> first, ImmutableSortedDictionary<string, string> second)
        {
            foreach (string key in first.Keys.Where(second.ContainsKey)) Check($"{what} {key}", first[key], second[key]);
        }

        static string Text(object? value) => value?.ToString() is { Length: > 0 } text ? $"'{text}'" : "unknown";
    }
}
