using QuantBench.Core.Errors;

namespace QuantBench.Inference.Evaluators;

/// <summary>Optional ability of an evaluator: several cells, of its own workload and of others that have it, are measured in one forward
/// pass. They differ only in how positions are scored (<see cref="Core.Suites.SharedPass"/>).</summary>
public interface ISharedWorkload
{
    /// <summary>Measures the cells.</summary>
    /// <param name="contexts">The cells; at least one. What the model is loaded and run with is the first one's.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>An outcome per cell, in their order.</returns>
    /// <exception cref="QuantBenchException">The pass failed, and with it every cell.</exception>
    IReadOnlyList<PassOutcome> EvaluateTogether(IReadOnlyList<EvaluationContext> contexts, CancellationToken cancellationToken);
}

/// <summary>What one forward pass gave for one cell.</summary>
/// <param name="Result">Its result; null when it failed.</param>
/// <param name="Fault">Why it failed, while the pass itself went on.</param>
public sealed record PassOutcome(EvaluationResult? Result, QuantBenchException? Fault);
