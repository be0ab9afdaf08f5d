using QuantBench.Core.Cells;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Runs;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Matrix;

/// <summary>A place of the matrix without a result: why there is none, and what would give one.</summary>
/// <param name="Key">Its key in addresses.</param>
/// <param name="Variant">Its variant.</param>
/// <param name="Backend">Its backend.</param>
/// <param name="Mark">Class of its mark.</param>
/// <param name="Word">How it stands, in a word or two.</param>
/// <param name="Reason">Why, as a sentence.</param>
/// <param name="Command">What would give a figure; null when nothing has to be done.</param>
/// <param name="Cell">The cell as planned; null when the suite leaves it out.</param>
public sealed record PlannedCell(string Key, string Variant, string Backend, string Mark, string Word, string Reason, string? Command,
    Cell? Cell)
{
    /// <summary>Key of a place that no cell of the suite has.</summary>
    public static string KeyOf(Variant variant, BackendId backend)
    {
        ArgumentNullException.ThrowIfNull(variant);
        return $"{variant.Id}@{backend}";
    }

    /// <summary>The place of a key; null when the run has no such place, or has a result there.</summary>
    /// <param name="run">The run.</param>
    /// <param name="key">Id of a planned cell, or what <see cref="KeyOf"/> gives.</param>
    public static PlannedCell? Find(RunDetail run, string key)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(key);
        if (run.Cells.Any(c => c.Result.Cell.Id.Value == key)) return null;
        if (run.Planned.FirstOrDefault(c => c.Id.Value == key) is { } planned) return Waiting(run, planned);
        int at = key.IndexOf('@', StringComparison.Ordinal); // a server's address has another one
        if (at < 0 || !Core.Variants.Variant.TryParse(key[..at], out Variant? variant) || variant is null
            || !BackendId.TryParse(key[(at + 1)..], out BackendId backend)) return null;
        Cell[] all = [.. run.Planned, .. run.Cells.Select(c => c.Result.Cell)];
        // Only what the matrix shows: a row and a column that both exist.
        if (!all.Any(c => c.Variant == variant) || !all.Any(c => c.Backend == backend)) return null;
        return new PlannedCell(
            key, variant.Id, backend.ToString(), "", "not in the suite",
            $"Suite {run.Info.Suite} has no cell of {variant.Id} on {backend} for this workload: no matrix entry names both, or an exclude "
                + $"rule leaves them out.", null, null);
    }

    private static PlannedCell Waiting(RunDetail run, Cell cell)
    {
        PlannedCell Of(string mark, string word, string reason, string? command = null) =>
            new(cell.Id.Value, cell.Variant.Id, cell.Backend.ToString(), mark, word, reason, command, cell);
        string resume = $"./run-bench.sh resume {run.Info.Id}";
        if (run.Current?.Id == cell.Id) return Of("run", "running", "This cell is being measured now.");
        if (run.State == RunState.Running)
        {
            HashSet<CellId> done = [.. run.Cells.Select(c => c.Result.Cell.Id)];
            int before = run.Planned.TakeWhile(c => c.Id != cell.Id).Count(c => !done.Contains(c.Id));
            return Of("", "waiting", $"{Words.Count(before, "cell is", "cells are")} measured before it.");
        }

        return run.State switch
        {
            RunState.Stopped => Of("can", "not run", "The run was stopped before this cell.", resume),
            RunState.Silent => Of("stale", "not run", "The runner died before this cell.", resume),
            _ => Of("can", "not run", "The run ended without a result of this cell.", resume),
        };
    }
}
