using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Suites;

namespace QuantBench.Inference.Evaluators;

/// <summary>Scores positions against a reference's distributions; owns the reference.</summary>
internal sealed class DivergenceScorer(Cell cell, ChunkPlan plan, ReferenceLogProbabilities reference) : ITextScorer
{
    private readonly DivergenceScores _scores = new(plan.Scored);
    private readonly string _protocol = QualityProtocol.Perplexity(plan.Text, plan.ContextLength, plan.Chunks);
    private float[][] _rows = [];

    /// <inheritdoc/>
    public double[] Nll => _scores.Nll;

    /// <inheritdoc/>
    public (string Key, string Value)[] Provenance => Facts(plan, _protocol, reference.Header);

    /// <inheritdoc/>
    public void Prepare(int vocabularySize, int workers)
    {
        CheckVocabulary(vocabularySize, reference.Header);
        _rows = new float[workers][];
        for (int i = 0; i < workers; i++) _rows[i] = new float[vocabularySize];
    }

    /// <inheritdoc/>
    public void Score(int worker, int scored, ReadOnlySpan<float> logits, int target)
    {
        reference.ReadRow(scored, _rows[worker]);
        if (!_scores.Score(scored, _rows[worker], logits, target)) throw ChunkLoop.NotFinite(plan, scored);
    }

    /// <inheritdoc/>
    public void AddTo(ImmutableArray<Measurement>.Builder metrics)
    {
        PerplexityEvaluator.AddPerplexity(metrics, plan, Nll, reference.Header.VocabularySize, _protocol);
        _scores.AddTo(metrics, Protocol(cell, plan, reference.Header));
    }

    /// <inheritdoc/>
    public void Dispose() => reference.Dispose();

    /// <summary>Checks that variant and reference have one vocabulary.</summary>
    /// <exception cref="RequestException">They don't.</exception>
    public static void CheckVocabulary(int size, ReferenceHeader reference)
    {
        if (size == reference.VocabularySize) return;
        throw new RequestException($"The model has {size} logits, but the reference has {reference.VocabularySize}.",
            "Reference and variant must be of the same model.");
    }

    /// <summary>Protocol id of a cell's figures.</summary>
    public static string Protocol(Cell cell, ChunkPlan plan, ReferenceHeader reference) => QualityProtocol.Divergence(
        plan.Text, plan.ContextLength, plan.Chunks, reference.Variant, ReferenceNeed.Unlike(cell));

    /// <summary>Facts that identify the figures.</summary>
    public static (string Key, string Value)[] Facts(ChunkPlan plan, string protocol, ReferenceHeader reference) =>
    [
        .. PerplexityEvaluator.Provenance(plan, protocol),
        ("reference_variant", reference.Variant),
        ("reference_sha256", reference.ArtifactSha256),
        ("reference_engine_build", reference.EngineBuild),
    ];
}
