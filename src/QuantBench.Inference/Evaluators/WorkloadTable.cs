using System.Collections.Immutable;

namespace QuantBench.Inference.Evaluators;

/// <summary>Every workload's evaluator. To add a workload: one class, one line here, and its settings in <c>SettingTable</c>.</summary>
public static class WorkloadTable
{
    /// <summary>All evaluators.</summary>
    public static ImmutableArray<IWorkloadEvaluator> All { get; } =
    [
        new PerplexityEvaluator(),
        new DivergenceEvaluator(),
        new LatencyEvaluator(),
        new LoadEvaluator(),
        new KernelEvaluator(),
    ];

    /// <summary>The evaluator of a workload, or null.</summary>
    public static IWorkloadEvaluator? Find(string workload) => All.FirstOrDefault(e => e.Workload == workload);
}
