namespace QuantBench.Inference.Evaluators;

/// <summary>Optional ability of an evaluator: compares with a reference variant, whose answers are computed once and kept in a
/// file.</summary>
public interface IReferencedWorkload
{
    /// <summary>Computes the reference's answers.</summary>
    /// <param name="context">A cell of the reference variant with the settings of those that are compared with it.</param>
    /// <param name="outputPath">File to write.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBench.Core.Errors.QuantBenchException">It can't be computed or written.</exception>
    void ComputeReference(EvaluationContext context, string outputPath, CancellationToken cancellationToken);
}
