using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Models.Sources;
using QuantBench.Runner.Datasets;
using QuantBench.Runner.Tasks;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Runs;

/// <summary>Whether what a suite names is there: its models and its texts, before anything runs.</summary>
public static class InputCheck
{
    /// <summary>What is missing or broken; empty when nothing is.</summary>
    /// <param name="environment">Where things lie.</param>
    /// <param name="suite">The suite.</param>
    /// <param name="cells">The cells that are to be measured.</param>
    /// <param name="cancellationToken">Stops.</param>
    public static async Task<ImmutableArray<QuantBenchException>> FaultsAsync(
        RunnerEnvironment environment, Suite suite, ImmutableArray<Cell> cells, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(suite);
        var faults = ImmutableArray.CreateBuilder<QuantBenchException>();
        foreach (SuiteModel model in suite.Models.Where(m => !m.IsServed && cells.Any(c => c.Model == m.Id)))
            await Try(() => Task.FromResult<ModelSource>(environment.OpenSource(model.Source)));
        var datasets = new DatasetCatalog(environment.DatasetsDirectory, environment.CacheRoot);
        foreach (string name in RunInputs.Texts(suite, cells))
            await Try(() => datasets.ResolveAsync(name, RunInputs.DirectoryOf(suite), cancellationToken));
        foreach (Cell cell in cells.Where(RunInputs.NeedsItems).DistinctBy(TaskCatalog.KeyOf))
            await Try(() => Task.FromResult(TaskCatalog.Resolve(cell.Settings, RunInputs.DirectoryOf(suite))));
        return faults.ToImmutable();

        async Task Try<T>(Func<Task<T>> open)
        {
            try
            {
                _ = await open();
            }
            catch (QuantBenchException e)
            {
                faults.Add(e);
            }
        }
    }
}
