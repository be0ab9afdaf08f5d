using System.Collections.Immutable;
using QuantBench.Core.Metrics;

namespace QuantBench.Inference.Evaluators;

/// <summary>Evaluator whose cells are scored position by position, from rows of logits.</summary>
internal interface ITextWorkload : ISharedWorkload
{
    /// <summary>Makes the scorer of a cell.</summary>
    /// <param name="context">The cell.</param>
    /// <param name="plan">How its text is cut.</param>
    /// <exception cref="QuantBench.Core.Errors.QuantBenchException">What it compares with isn't there.</exception>
    ITextScorer OpenScorer(EvaluationContext context, ChunkPlan plan);
}

/// <summary>Scores the positions of a text for one cell.</summary>
internal interface ITextScorer : IDisposable
{
    /// <summary>Negative log-likelihood of each scored position so far, nats; NaN where a position doesn't count.</summary>
    double[] Nll { get; }

    /// <summary>Makes ready for a model, or refuses it.</summary>
    /// <param name="vocabularySize">Its logits per position.</param>
    /// <param name="workers">Scoring threads.</param>
    /// <exception cref="QuantBench.Core.Errors.RequestException">The model isn't one to score here.</exception>
    void Prepare(int vocabularySize, int workers);

    /// <summary>Scores a position; called by several threads, once per position.</summary>
    /// <param name="worker">Number of the thread.</param>
    /// <param name="scored">Number of the position (<see cref="ChunkPlan"/>).</param>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="target">Token that really follows.</param>
    void Score(int worker, int scored, ReadOnlySpan<float> logits, int target);

    /// <summary>Adds the figures.</summary>
    /// <param name="metrics">Receives them.</param>
    void AddTo(ImmutableArray<Measurement>.Builder metrics);

    /// <summary>Marks for the cell.</summary>
    ImmutableArray<string> Notes { get; }

    /// <summary>Facts that identify the figures.</summary>
    (string Key, string Value)[] Provenance { get; }
}
