using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Runs;

/// <summary>Makes one result of the launches of a cell.</summary>
internal static class LaunchMerge
{
    // Of counts and times the sum is the cell's, of shares and sizes the largest, of the yardstick the median; the state before is
    // the first launch's, all else the last one's.
    private static readonly ImmutableArray<string> s_sums =
    [
        "repetitions_made", "repetitions_disturbed", "involuntary_switches", "major_faults", "throttle_events", WorkerHost.WorkMilliseconds,
        CellRunner.HarnessMilliseconds,
    ];

    private static readonly ImmutableArray<string> s_largest =
    [
        "other_share_max", "steal_share_max", "waited_share", "pressure_cpu_max", "pressure_memory_max", "pressure_io_max",
        "freq_mhz_fastest_max", "load_dispatch_p99_ms", WorkerHost.HarnessBytes,
    ];

    // Of a server's load: its requests by what came of them.
    private static readonly ImmutableArray<string> s_counted =
        ["errors_", "load_requests", "load_missed", "load_held_back", "load_stalled_ms", "load_collect", "server_counted_"];

    private static readonly ImmutableArray<string> s_least = ["freq_mhz_fastest_min"];

    // Single readings scatter by a hundredth or two.
    private static readonly ImmutableArray<string> s_medians = [Yardstick.DotCondition, Yardstick.StreamCondition];

    /// <summary>The cell's result.</summary>
    /// <param name="launches">All of its launches, each measured, in order; at least one.</param>
    public static CellResult Of(IReadOnlyList<CellResult> launches)
    {
        CellResult first = launches[0];
        if (launches.Count == 1) return first;
        var conditions = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        foreach ((string key, double value) in launches.SelectMany(l => l.Conditions))
        {
            bool known = conditions.TryGetValue(key, out double before);
            conditions[key] = !known ? value
                : s_sums.Contains(key) || s_counted.Any(p => key.StartsWith(p, StringComparison.Ordinal)) ? before + value
                : s_largest.Contains(key) ? Math.Max(before, value)
                : s_least.Contains(key) ? Math.Min(before, value)
                : key.StartsWith("before_", StringComparison.Ordinal) ? before
                : value;
        }

        foreach (string key in s_medians.Where(conditions.ContainsKey))
            conditions[key] = Descriptive.Median([.. launches.Where(l => l.Conditions.ContainsKey(key)).Select(l => l.Conditions[key])]);
        Measurement[] metrics = Agreeing([.. first.Metrics.Select(m => Merge(m,
            [.. launches.Select(l => l.Metric(m.Name)).OfType<Measurement>()], first.Cell.Settings.Number("target_ci")))]);
        string[] notes =
        [
            .. LaunchNotes.Join(launches.Select(l => (l.Notes ?? []).Where(n => !MeasurementBuilder.IsOfSamples(n)))),
            .. metrics.SelectMany(m => (m.Notes ?? []).Where(MeasurementBuilder.IsOfSamples).Select(n => $"{m.Name}: {n}")),
        ];
        return first with
        {
            Metrics = [.. metrics],
            Notes = notes.Length > 0 ? [.. notes] : null,
            Seconds = launches.Sum(l => l.Seconds),
            Conditions = conditions.ToImmutable(),
            Provenance = first.Provenance.SetItem("launches", $"{launches.Count}"),
        };
    }

    // Each launch's figures agree; medians over all of them needn't.
    private static Measurement[] Agreeing(Measurement[] metrics)
    {
        int speed = Array.FindIndex(metrics, m => m.Name == MetricTable.GenerationSpeed.Name);
        int latency = Array.FindIndex(metrics, m => m.Name == MetricTable.TokenLatency.Name);
        if (speed >= 0 && latency >= 0)
            (metrics[speed], metrics[latency]) = GenerationCheck.Of(metrics[speed], metrics[latency]);
        return metrics;
    }

    private static Measurement Merge(Measurement first, Measurement[] all, double target)
    {
        if (all.All(m => m.Samples is { Length: > 0 }) && MetricTable.Find(first.Name) is { Kind: MetricKind.Timing })
        {
            Measurement merged = MeasurementBuilder.Merge(all);
            // Each launch was weighed; what is shown is the interval of them all.
            return all.SelectMany(m => m.Notes ?? []).Any(IntervalMark.Is) && IntervalMark.Of(merged, target) is { } mark
                ? merged with { Notes = [.. merged.Notes ?? [], mark] } : merged;
        }

        return MetricTable.Find(first.Name) is { Kind: MetricKind.Size, IsExact: false } ? all.MaxBy(m => m.Value)! : first;
    }
}
