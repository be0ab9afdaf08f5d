using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;

namespace QuantBench.Dashboard.Runs;

/// <summary>A cell of a run as the store holds it, without raw samples.</summary>
/// <param name="RowId">Its row.</param>
/// <param name="Result">The cell with its aggregates; provenance and conditions included.</param>
public sealed record CellView(long RowId, CellResult Result)
{
    /// <summary>The measurement of a metric, or null.</summary>
    public Measurement? this[string metric] => Result.Metric(metric);
}

/// <summary>A run with all it measured.</summary>
/// <param name="Info">What <c>run.json</c> says.</param>
/// <param name="Folder">Absolute path of its folder.</param>
/// <param name="State">How it stands.</param>
/// <param name="Counts">Its cells.</param>
/// <param name="Cells">Cells with a result.</param>
/// <param name="Planned">Every cell in the order it is measured; empty when the suite's text can't be read any more.</param>
public sealed record RunDetail(
    RunInfo Info, string Folder, RunState State, RunCounts Counts, ImmutableArray<CellView> Cells, ImmutableArray<Cell> Planned)
{
    /// <summary>The cell that is being measured now, or null.</summary>
    public Cell? Current
    {
        get
        {
            if (State != RunState.Running) return null;
            HashSet<CellId> done = [.. Cells.Select(c => c.Result.Cell.Id)];
            return Planned.FirstOrDefault(c => !done.Contains(c.Id));
        }
    }
}
