using QuantBench.Core.Cells;

namespace QuantBench.Results.Folders;

/// <summary>Every line of a run's <c>cells.jsonl</c> in the order it was written, superseded ones included: what happened, not only what
/// holds.</summary>
public static class RunHistory
{
    /// <summary>Reads the lines.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <returns>One result per line.</returns>
    /// <exception cref="QuantBench.Core.Errors.StoreException">A line isn't a cell's result; names the line.</exception>
    public static IReadOnlyList<CellResult> Read(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return [.. CellLines.Lines(Path.Combine(folder, RunFolder.CellsFile))];
    }
}
