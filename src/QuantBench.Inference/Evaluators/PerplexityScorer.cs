using System.Collections.Immutable;
using QuantBench.Core.Metrics;

namespace QuantBench.Inference.Evaluators;

/// <summary>Scores positions by the negative log-likelihood of the token that follows.</summary>
internal sealed class PerplexityScorer(ChunkPlan plan) : ITextScorer
{
    private int _vocabularySize;

    /// <inheritdoc/>
    public double[] Nll { get; } = new double[plan.Scored];

    /// <inheritdoc/>
    public ImmutableArray<string> Notes => FinitePositions.Of(plan, Nll).Notes;

    /// <inheritdoc/>
    public (string Key, string Value)[] Provenance => PerplexityEvaluator.Provenance(plan, FinitePositions.Of(plan, Nll));

    /// <inheritdoc/>
    public void Prepare(int vocabularySize, int workers) => _vocabularySize = vocabularySize;

    /// <inheritdoc/>
    public void Score(int worker, int scored, ReadOnlySpan<float> logits, int target)
    {
        LogPartition partition = LogitMath.Partition(logits);
        Nll[scored] = partition.IsFinite ? partition.Value - logits[target] : double.NaN;
    }

    /// <inheritdoc/>
    public void AddTo(ImmutableArray<Measurement>.Builder metrics) =>
        PerplexityEvaluator.AddPerplexity(metrics, plan, Nll, _vocabularySize);

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
