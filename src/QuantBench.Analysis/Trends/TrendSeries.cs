using System.Collections.Immutable;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Trends;

/// <summary>One run's figure in a series.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Started">When it started.</param>
/// <param name="Value">The figure.</param>
/// <param name="Interval">Its own 95 % interval within the run; null when none is known.</param>
public sealed record TrendPoint(string RunId, DateTimeOffset Started, double Value, Interval? Interval);

/// <summary>Whether a change can be trusted yet.</summary>
public enum ChangeState
{
    /// <summary>Only one run is on the new level.</summary>
    Unconfirmed,

    /// <summary>A later run is on the new level too.</summary>
    Confirmed,

    /// <summary>Measured again in turns, the earlier build was no better: the machine has changed.</summary>
    Refuted,
}

/// <summary>A change of level in a series.</summary>
public sealed record TrendChange
{
    /// <summary>Index of the first point on the new level.</summary>
    public required int Index { get; init; }

    /// <summary>The first run on the new level.</summary>
    public required string RunId { get; init; }

    /// <summary>The last run on the old level.</summary>
    public required string PreviousRunId { get; init; }

    /// <summary>Commit that the first run was made from; null where it wasn't recorded.</summary>
    public string? Commit { get; init; }

    /// <summary>Commit that the run before was made from.</summary>
    public string? PreviousCommit { get; init; }

    /// <summary>Relative difference of the new level from the old.</summary>
    public required double Difference { get; init; }

    /// <summary>Whether the difference is plain, in the metric's unit, because the series has figures that are 0 or below.</summary>
    public bool Absolute { get; init; }

    /// <summary>Its 95 % interval.</summary>
    public required Interval Interval { get; init; }

    /// <summary>Chance of such a jump in a steady series, corrected for all runs it could have been at.</summary>
    public required double PValue { get; init; }

    /// <summary>Whether the change is to the worse; null when the metric has no better direction.</summary>
    public required bool? Worse { get; init; }

    /// <summary>Whether it can be trusted yet.</summary>
    public required ChangeState State { get; init; }

    /// <summary>What else changed in the fingerprint between the two runs, beside the commit.</summary>
    public ImmutableArray<string> AlsoChanged { get; init; } = [];
}

/// <summary>One metric of one cell on one machine over runs.</summary>
public sealed record TrendSeries
{
    /// <summary>The metric.</summary>
    public required MetricDefinition Metric { get; init; }

    /// <summary>Machine id.</summary>
    public required string MachineId { get; init; }

    /// <summary>Host name.</summary>
    public required string Host { get; init; }

    /// <summary>The cell's id.</summary>
    public required string CellId { get; init; }

    /// <summary>Model id.</summary>
    public required string Model { get; init; }

    /// <summary>Variant id.</summary>
    public required string Variant { get; init; }

    /// <summary>Backend id.</summary>
    public required string Backend { get; init; }

    /// <summary>Workload name.</summary>
    public required string Workload { get; init; }

    /// <summary>Settings as canonical JSON.</summary>
    public required string Settings { get; init; }

    /// <summary>The figures, oldest first.</summary>
    public required ImmutableArray<TrendPoint> Points { get; init; }

    /// <summary>Changes of level, oldest first.</summary>
    public required ImmutableArray<TrendChange> Changes { get; init; }

    /// <summary>Precision class of the cell in its latest run, by measured bits; null where that isn't known.</summary>
    public PrecisionClass? Class { get; init; }

    /// <summary>Relative standard deviation between runs on one level; null with fewer than two points on it.</summary>
    public double? Noise { get; init; }

    /// <summary>Runs left out because other work on the machine is in their figures.</summary>
    public int Disturbed { get; init; }

    /// <summary>Why no change could be looked for; null when it could.</summary>
    public string? TooShort { get; init; }

    /// <summary>The cell as a person writes it, with the settings that tell it from the others of its report.</summary>
    public string Title => $"{Model} {Variant} {Backend} {Way}";

    /// <summary>Its workload, with the settings that tell it from the others of its report.</summary>
    public string Way => Apart.Length == 0 ? Workload : $"{Workload} ({Apart})";

    /// <summary>Settings in which it differs from other series of the same model, variant, backend and workload, e.g. <c>prompt
    /// 512</c>; empty where there is no other.</summary>
    public string Apart { get; init; } = "";
}

/// <summary>Series of one metric.</summary>
/// <param name="Metric">The metric.</param>
/// <param name="Series">By machine and cell; those with a recent change to the worse first.</param>
/// <param name="Alpha">Largest corrected p-value of a change within one series: 5 % over all series together.</param>
/// <param name="Recent">A change counts as recent when it is within this many latest runs of its series.</param>
public sealed record TrendReport(MetricDefinition Metric, ImmutableArray<TrendSeries> Series, double Alpha, int Recent)
{
    /// <summary>Recent changes to the worse that a later run confirms and that still last: what an alert is about.</summary>
    public ImmutableArray<(TrendSeries Series, TrendChange Change)> Alerts => [.. Recently(ChangeState.Confirmed)];

    /// <summary>Recent changes to the worse that only the last run shows: measure again.</summary>
    public ImmutableArray<(TrendSeries Series, TrendChange Change)> Suspects => [.. Recently(ChangeState.Unconfirmed)];

    private IEnumerable<(TrendSeries Series, TrendChange Change)> Recently(ChangeState state) => Series.SelectMany(s => s.Changes
        .Where((c, i) => c.Worse == true && c.State == state && c.Index >= s.Points.Length - Recent && Lasts(s, i)).Select(c => (s, c)));

    // A slow spell that is over isn't what the next release has.
    private static bool Lasts(TrendSeries series, int change)
    {
        double since = 0;
        foreach (TrendChange later in series.Changes[change..])
            since = later.Absolute ? since + later.Difference : ((1 + since) * (1 + later.Difference)) - 1;
        return series.Changes[change].Difference > 0 ? since > series.Changes[change].Difference / 2
            : since < series.Changes[change].Difference / 2;
    }
}
