using System.Collections.Immutable;

namespace QuantBench.Core.Metrics;

/// <summary>A metric's column in the table of a run.</summary>
/// <param name="Place">Columns go from the least to the greatest.</param>
/// <param name="Title">Its head.</param>
/// <param name="Unit">What stands under the head; empty when the figures say it.</param>
public sealed record MetricColumn(int Place, string Title, string Unit = "")
{
    /// <summary>Keys of the settings that the head says, since one cell differs from the next by them.</summary>
    public ImmutableArray<string> Settings { get; init; } = [];

    /// <summary>Whether figures have three digits, not those that their error or interval justifies.</summary>
    public bool IsRounded { get; init; }

    /// <summary>Decimals that figures below 1000 have at least.</summary>
    public int LeastDecimals { get; init; }

    /// <summary>Head of a second column with the 99th percentile; null when there is none.</summary>
    public string? P99 { get; init; }
}
