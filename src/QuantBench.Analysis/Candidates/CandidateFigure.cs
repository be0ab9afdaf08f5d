using QuantBench.Analysis.Estimates;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Candidates;

/// <summary>A candidate's figure of one metric, or why there is none.</summary>
/// <param name="Estimate">The figure; null when there is none.</param>
/// <param name="Reason">Why there is none; how it was come by when it isn't simply measured.</param>
/// <param name="Source">The measurement behind it; null when there is none or it follows from a definition.</param>
/// <param name="Cell">The cell that it was measured in.</param>
public sealed record CandidateFigure(Estimate? Estimate, string? Reason, Measurement? Source = null, CellResult? Cell = null)
{
    /// <summary>The number, or null.</summary>
    public double? Value => Estimate?.Value;
}
