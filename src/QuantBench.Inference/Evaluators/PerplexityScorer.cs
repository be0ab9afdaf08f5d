using System.Collections.Immutable;
using QuantBench.Core.Metrics;

namespace QuantBench.Inference.Evaluators;

/// <summary>Scores positions by the negative log-likelihood of the token that follows.</summary>
internal sealed class PerplexityScorer(ChunkPlan plan) : ITextScorer
{
    private readonly string _protocol = QualityProtocol.Perplexity(plan.Text, plan.ContextLength, plan.Chunks);
    private int _vocabularySize;

    /// <inheritdoc/>
    public double[] Nll { get; } = new double[plan.Scored];

    /// <inheritdoc/>
    public (string Key, string Value)[] Provenance => PerplexityEvaluator.Provenance(plan, _protocol);

    /// <inheritdoc/>
    public void Prepare(int vocabularySize, int workers) => _vocabularySize = vocabularySize;

    /// <inheritdoc/>
    public void Score(int worker, int scored, ReadOnlySpan<float> logits, int target)
    {
        LogPartition partition = LogitMath.Partition(logits);
        if (!partition.IsFinite) throw ChunkLoop.NotFinite(plan, scored);
        Nll[scored] = partition.Value - logits[target];
    }

    /// <inheritdoc/>
    public void AddTo(ImmutableArray<Measurement>.Builder metrics) =>
        PerplexityEvaluator.AddPerplexity(metrics, plan, Nll, _vocabularySize, _protocol);

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
