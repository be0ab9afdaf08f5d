using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;

namespace QuantBench.Core.Suites;

/// <summary>Expands suites to cells.</summary>
public static class Matrix
{
    /// <summary>
    /// Every cell of a suite in the order it is measured; no cell twice. Pure. Per model and backend come the quality workloads, variant by
    /// variant (the artifact stays in the page cache), with variants that a divergence refers to first; then the timing workloads one by
    /// one, each over all variants in turn, so that cells compared with each other are measured close together. Last come workloads that
    /// run no model.
    /// </summary>
    /// <param name="suite">A suite from <see cref="SuiteLoader"/>.</param>
    public static ImmutableArray<Cell> Expand(Suite suite)
    {
        ArgumentNullException.ThrowIfNull(suite);
        SuiteWorkload[] quality = [.. suite.Workloads.Where(w => !WorkloadTable.Of(w.Name).IsTimed)];
        SuiteWorkload[] timing = [.. suite.Workloads.Where(w => WorkloadTable.Of(w.Name) is { IsTimed: true, RunsModel: true })];
        SuiteWorkload[] withoutModel = [.. suite.Workloads.Where(w => !WorkloadTable.Of(w.Name).RunsModel)];
        HashSet<string> references =
            [.. quality.Where(w => WorkloadTable.Of(w.Name).NeedsReference).Select(w => w.Settings.Text("reference"))];
        Variant[] referencesFirst = [.. suite.Variants.OrderBy(v => references.Contains(v.Id) ? 0 : 1)];

        ImmutableArray<Cell>.Builder cells = ImmutableArray.CreateBuilder<Cell>();
        foreach (SuiteModel model in suite.Models)
        {
            foreach (BackendId backend in suite.Backends)
            {
                foreach (Variant variant in referencesFirst)
                {
                    foreach (SuiteWorkload workload in quality) Add(model.Id, variant, backend, workload);
                }

                foreach (SuiteWorkload workload in timing)
                {
                    foreach (Variant variant in suite.Variants) Add(model.Id, variant, backend, workload);
                }
            }
        }

        // Backends innermost: what one compares there are instruction sets.
        foreach (SuiteWorkload workload in withoutModel)
        {
            foreach (Variant variant in suite.Variants)
            {
                foreach (BackendId backend in suite.Backends) Add(WorkloadTable.NoModel, variant, backend, workload);
            }
        }

        return cells.ToImmutable();

        void Add(string model, Variant variant, BackendId backend, SuiteWorkload workload)
        {
            if (WorkloadTable.Of(workload.Name).RunsModel && !workload.IsFor(model)) return;
            bool included = suite.Include.IsEmpty || suite.Include.Any(Matches);
            if (included && !suite.Exclude.Any(Matches)) cells.Add(new Cell(model, variant, backend, workload.Name, workload.Settings));
            bool Matches(CellRule rule) => rule.Matches(model, variant, backend, workload.Name);
        }
    }

}
