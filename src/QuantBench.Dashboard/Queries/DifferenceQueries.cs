using QuantBench.Analysis.Compare;
using QuantBench.Core.Cells;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Matrix;
using QuantBench.Results.Folders;

namespace QuantBench.Dashboard.Queries;

/// <summary>Matrices of a run as differences to one of its variants.</summary>
internal static class DifferenceQueries
{
    /// <summary>The matrix against a variant; as it was when none is named or it has no row.</summary>
    /// <param name="runs">Reads the run's raw samples, which make the tests sharper; without its folder the aggregates do.</param>
    /// <param name="view">The figures.</param>
    /// <param name="run">The run.</param>
    /// <param name="baseline">Id of the variant; null or unknown = the figures themselves.</param>
    /// <param name="stop">Stops.</param>
    public static async Task<MatrixView> AgainstAsync(this RunQueries runs, MatrixView view, RunDetail run, string? baseline,
        CancellationToken stop)
    {
        if (string.IsNullOrEmpty(baseline) || !Variant.TryParse(baseline, out Variant? variant) || variant is null) return view;
        return MatrixDifferences.Against(view, variant, await CellsAsync(runs, run, stop));
    }

    /// <summary>The comparisons behind <see cref="AgainstAsync"/>, by the id of the cell.</summary>
    public static async Task<Dictionary<string, MetricComparison>> ComparedAsync(this RunQueries runs, MatrixView view, RunDetail run,
        string? baseline, CancellationToken stop) =>
        string.IsNullOrEmpty(baseline) || !Variant.TryParse(baseline, out Variant? variant) || variant is null ? []
            : MatrixDifferences.Compare(view, variant, await CellsAsync(runs, run, stop));

    private static async Task<IEnumerable<CellResult>> CellsAsync(RunQueries runs, RunDetail run, CancellationToken stop)
    {
        RunRecord? record = await runs.RecordAsync(run.Info.Id, stop);
        return record?.Cells ?? [.. run.Cells.Select(c => c.Result)];
    }
}
