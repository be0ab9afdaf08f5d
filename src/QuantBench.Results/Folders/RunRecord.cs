using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;

namespace QuantBench.Results.Folders;

/// <summary>A run with its finished cells, in memory: what analysis, reports and exports start from.</summary>
/// <param name="Info">What <c>run.json</c> says.</param>
/// <param name="Cells">The finished cells in the order they first finished; one per cell id.</param>
public sealed record RunRecord(RunInfo Info, ImmutableArray<CellResult> Cells);
