using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Results.Store;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Composition;

/// <summary>Takes results into the store; opens it with the first one.</summary>
/// <param name="environment">Where it lies.</param>
internal sealed class StoreIndex(RunnerEnvironment environment) : IResultIndex, IDisposable
{
    private ResultStore? _store;

    /// <inheritdoc/>
    public void IndexRun(RunInfo info, string folder) => Store().IndexRun(info, folder);

    /// <inheritdoc/>
    public void IndexCell(string runId, CellResult result) => Store().IndexCell(runId, result);

    /// <inheritdoc/>
    public void Dispose() => _store?.Dispose();

    private ResultStore Store() => _store ??= ResultStore.Open(environment.ResultsRoot, environment.Store);
}
