using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// A variant's next-token distribution against a reference variant's, on perplexity's positions: KL(reference ‖ variant), same most likely
/// token (the first one where several are equally likely), Δp of the true token (variant − reference), and both perplexities with paired
/// errors. Statistics are llama-perplexity's; the reference's logits are exact where llama-perplexity's are rounded to 16 bits and clipped,
/// and what its file doesn't keep is bounded (<see cref="ReferenceRow"/>). KL is reported as computed: where the truth is 0, rounding can
/// leave a value about −1e-8.
/// </summary>
public sealed class DivergenceEvaluator : IWorkloadEvaluator, ITextWorkload, IReferencedWorkload
{
    /// <inheritdoc/>
    public string Workload => "divergence";

    /// <inheritdoc/>
    public void ComputeReference(EvaluationContext context, string outputPath, CancellationToken cancellationToken) =>
        ReferenceLogProbabilities.Compute(context, outputPath, cancellationToken);

    /// <inheritdoc/>
    public Support CanRun(EvaluationContext context) => ServedText.CanRun(context) ?? LoadedCell.CanRun(context);

    /// <inheritdoc/>
    public EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Engine is not IServerEngine) return TextPass.Run(context, cancellationToken);
        ChunkPlan plan = ChunkPlan.Make(context.Text, context.Cell.Settings);
        using DivergenceScorer scorer = OpenScorer(context, plan);
        return EvaluateServed(context, plan, scorer, cancellationToken);
    }

    /// <inheritdoc/>
    public IReadOnlyList<PassOutcome> EvaluateTogether(IReadOnlyList<EvaluationContext> contexts, CancellationToken cancellationToken) =>
        TextPass.Run(contexts, cancellationToken);

    /// <inheritdoc/>
    ITextScorer ITextWorkload.OpenScorer(EvaluationContext context, ChunkPlan plan) => OpenScorer(context, plan);

    private static DivergenceScorer OpenScorer(EvaluationContext context, ChunkPlan plan)
    {
        ReferenceLogProbabilities reference = OpenReference(context, plan);
        return new DivergenceScorer(context.Cell, plan, reference, ReferenceFloor.Of(context.ReferencePath!));
    }

    private static ReferenceLogProbabilities OpenReference(EvaluationContext context, ChunkPlan plan)
    {
        if (context.ReferencePath is not { } path)
            throw new RequestException("Divergence needs a reference, but the cell has none.", "Set 'reference' in the suite.");
        ReferenceLogProbabilities reference = ReferenceLogProbabilities.Open(path);
        // One of more chunks begins with those of fewer.
        ReferenceHeader header = reference.Header;
        string protocol = QualityProtocol.Perplexity(plan.Text, plan.ContextLength, Math.Max(plan.Chunks, header.Chunks));
        if (header.Protocol == protocol) return reference;
        reference.Dispose();
        throw new RequestException(
            $"The reference {path} was computed under {header.Protocol}, but the cell asks for {protocol}.",
            "Delete the file; it is computed again when needed.");
    }

    private static EvaluationResult EvaluateServed(
        EvaluationContext context, ChunkPlan plan, DivergenceScorer scorer, CancellationToken cancellationToken)
    {
        using ServedText served = ServedText.Open(context, plan, rows: true, cancellationToken);
        scorer.Prepare(served.VocabularySize ?? 0, served.Lanes);
        double seconds = served.Run(scorer.Nll,
            (scored, _, lane, row) => scorer.Score(lane, scored, row, plan.Target(scored)), cancellationToken);
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        scorer.AddTo(metrics);
        PerplexityEvaluator.AddSpeed(metrics, plan, seconds);
        return served.Result(metrics, scorer.Notes, scorer.Provenance);
    }
}
