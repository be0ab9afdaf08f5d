using System.Collections.Immutable;

namespace QuantBench.Analysis.Frames;

/// <summary>What to show of runs' figures, as it can be saved: which rows, long or pivoted, in what order.</summary>
public sealed record FrameView
{
    /// <summary>Version of this shape; 1.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>Patterns (<c>*</c>, <c>?</c>) by column that a row must match, e.g. variant → <c>Q4_*</c>.</summary>
    public ImmutableSortedDictionary<string, string> Where { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Only these metrics; empty = all.</summary>
    public ImmutableArray<string> Metrics { get; init; } = [];

    /// <summary>Columns that make a row when pivoted; empty = long form.</summary>
    public ImmutableArray<string> Rows { get; init; } = [];

    /// <summary>Columns whose values become columns when pivoted.</summary>
    public ImmutableArray<string> Columns { get; init; } = ["metric"];

    /// <summary>The column that fills the pivot.</summary>
    public string Value { get; init; } = "value";

    /// <summary>Column to sort by, with <c>-</c> in front for descending; null = as measured.</summary>
    public string? Sort { get; init; }
}
