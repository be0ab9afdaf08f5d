using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;

namespace QuantBench.Dashboard.Queries;

/// <summary>Everything about one cell, for its drawer.</summary>
/// <param name="Result">The cell.</param>
/// <param name="Metric">The figure that leads; null when the cell has none of the chosen metric.</param>
/// <param name="Samples">Raw samples of it.</param>
/// <param name="Others">Other metrics of the same variant on the same backend, the cell's own first.</param>
/// <param name="LogTail">Last lines of its log; null when there is none.</param>
/// <param name="Fingerprint">Machine and software, line by line.</param>
public sealed record CellDrawerView(
    CellResult Result, Measurement? Metric, double[] Samples, ImmutableArray<(string Name, string Text)> Others, string? LogTail,
    ImmutableArray<(string Key, string Value)> Fingerprint);
