using QuantBench.Core.Cells;
using QuantBench.Core.Settings;
using QuantBench.Core.Workloads;

namespace QuantBench.Core.Suites;

/// <summary>Which cells are scored from one forward pass over a text.</summary>
public static class SharedPass
{
    /// <summary>What two cells must have in common; null for a cell that shares nothing.</summary>
    /// <param name="cell">A cell.</param>
    public static string? KeyOf(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        // Servers score what they are asked for, which is less for perplexity.
        if (WorkloadTable.Of(cell).Scoring is not { } scoring || cell.Backend.Server is not null) return null;
        CellSettings pass = scoring.Aggregate(cell.Settings, (settings, key) => settings.Without(key));
        return string.Join('\n', cell.Model, cell.Variant.Id, cell.Backend.ToString(), pass.ToString());
    }
}
