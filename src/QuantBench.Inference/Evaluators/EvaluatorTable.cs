using System.Collections.Immutable;

namespace QuantBench.Inference.Evaluators;

/// <summary>Every workload's evaluator. To add a workload: one class, one line here, and an entry in
/// <see cref="Core.Workloads.WorkloadTable"/>.</summary>
public static class EvaluatorTable
{
    /// <summary>All evaluators.</summary>
    public static ImmutableArray<IWorkloadEvaluator> All { get; } =
    [
        new PerplexityEvaluator(),
        new DivergenceEvaluator(),
        new TaskEvaluator(),
        new LatencyEvaluator(),
        new LoadEvaluator(),
        new KernelEvaluator(),
        new OnnxLatencyEvaluator(),
        new ServeEvaluator(),
    ];

    /// <summary>Computes the reference answers of a cell whose workload compares with a reference.</summary>
    /// <param name="context">A cell of the reference variant.</param>
    /// <param name="outputPath">File to write.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBench.Core.Errors.RequestException">The workload compares with nothing.</exception>
    public static void ComputeReference(EvaluationContext context, string outputPath, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (Find(context.Cell.Workload) is not IReferencedWorkload workload)
            throw new Core.Errors.RequestException($"The workload {context.Cell.Workload} compares with no reference.");
        workload.ComputeReference(context, outputPath, cancellationToken);
    }

    /// <summary>The evaluator of a workload, or null.</summary>
    public static IWorkloadEvaluator? Find(string workload) => All.FirstOrDefault(e => e.Workload == workload);
}
