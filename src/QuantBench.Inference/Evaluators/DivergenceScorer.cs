using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Suites;

namespace QuantBench.Inference.Evaluators;

/// <summary>Scores positions against a reference's distributions; owns the reference.</summary>
internal sealed class DivergenceScorer : ITextScorer
{
    private readonly Cell _cell;
    private readonly ChunkPlan _plan;
    private readonly ReferenceLogProbabilities _reference;
    private readonly ReferenceFloor? _floor;
    private readonly string _others;
    private readonly DivergenceScores _scores;
    private Lane[] _lanes = [];
    private FinitePositions? _finite;

    /// <summary>Makes a scorer.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="plan">How its text is cut.</param>
    /// <param name="reference">Its reference.</param>
    /// <param name="floor">The reference's noise; null = not known.</param>
    public DivergenceScorer(Cell cell, ChunkPlan plan, ReferenceLogProbabilities reference, ReferenceFloor? floor)
    {
        (_cell, _plan, _reference, _floor) = (cell, plan, reference, floor);
        _others = cell.Settings.Text("divergences");
        _scores = new DivergenceScores(plan.Scored, _others.Length > 0);
    }

    /// <inheritdoc/>
    public double[] Nll => _scores.Nll;

    /// <inheritdoc/>
    public ImmutableArray<string> Notes => Finite.Notes;

    /// <inheritdoc/>
    public (string Key, string Value)[] Provenance =>
    [
        .. PerplexityEvaluator.Provenance(_plan, Finite),
        ("reference_variant", _reference.Header.Variant),
        ("reference_sha256", _reference.Header.ArtifactSha256),
        ("reference_engine_build", _reference.Header.EngineBuild),
        ("kl_bounds", _scores.Bounds(Finite)),
        .. FloorFacts(),
    ];

    private FinitePositions Finite => _finite ??= FinitePositions.Of(_plan, Nll);

    /// <inheritdoc/>
    public void Prepare(int vocabularySize, int workers)
    {
        if (vocabularySize != _reference.Header.VocabularySize)
        {
            throw new RequestException($"The model has {vocabularySize} logits, but the reference has {_reference.Header.VocabularySize}.",
                "Reference and variant must be of the same model.");
        }

        _lanes = [.. Enumerable.Range(0, workers).Select(_ => new Lane(vocabularySize))];
    }

    /// <inheritdoc/>
    public void Score(int worker, int scored, ReadOnlySpan<float> logits, int target)
    {
        Lane lane = _lanes[worker];
        _reference.ReadRow(scored, lane.Row, lane.Bytes);
        if (!lane.Row.IsFinite || !lane.Comparer.TryCompare(lane.Row, logits, target, out RowScore score)) _scores.Skip(scored);
        else _scores.Take(scored, score, _others.Length > 0 ? RowComparer.Others(lane.Row, logits) : default);
    }

    /// <inheritdoc/>
    public void AddTo(ImmutableArray<Measurement>.Builder metrics)
    {
        PerplexityEvaluator.AddPerplexity(metrics, _plan, Nll, _reference.Header.VocabularySize);
        string protocol = QualityProtocol.Divergence(
            _plan.Text, _plan.ContextLength, _plan.Chunks, _reference.Header.Variant, ReferenceNeed.Unlike(_cell));
        _scores.AddTo(metrics, _plan, Finite, protocol + Finite.Suffix, _others, _floor);
    }

    /// <inheritdoc/>
    public void Dispose() => _reference.Dispose();

    private IEnumerable<(string Key, string Value)> FloorFacts()
    {
        if (_floor is null) yield break;
        yield return _floor.Missing is { } missing ? ("kl_floor_missing", missing) : ("kl_floor_engine_build", _floor.EngineBuild);
    }

    /// <summary>What one thread works with.</summary>
    private sealed class Lane(int vocabulary)
    {
        public ReferenceRow Row { get; } = new(vocabulary);

        public RowComparer Comparer { get; } = new(vocabulary);

        public byte[] Bytes { get; } = new byte[ReferenceRow.MostBytes(vocabulary)];
    }
}
