using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// A variant's next-token distribution against a reference variant's, on perplexity's positions: KL(reference ‖ variant), same most likely
/// token (the first one where several are equally likely), Δp of the true token (variant − reference), and both perplexities with paired
/// errors. Statistics are llama-perplexity's; the reference is exact where llama-perplexity's is rounded to 16 bits and clipped. KL is
/// reported as computed: where the truth is 0, rounding can leave a value about −1e-8.
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
        using ReferenceLogProbabilities reference = OpenReference(context, plan);
        return EvaluateServed(context, plan, reference, cancellationToken);
    }

    /// <inheritdoc/>
    public IReadOnlyList<PassOutcome> EvaluateTogether(IReadOnlyList<EvaluationContext> contexts, CancellationToken cancellationToken) =>
        TextPass.Run(contexts, cancellationToken);

    /// <inheritdoc/>
    ITextScorer ITextWorkload.OpenScorer(EvaluationContext context, ChunkPlan plan) =>
        new DivergenceScorer(context.Cell, plan, OpenReference(context, plan));

    private static ReferenceLogProbabilities OpenReference(EvaluationContext context, ChunkPlan plan)
    {
        if (context.ReferencePath is not { } path)
            throw new RequestException("Divergence needs a reference, but the cell has none.", "Set 'reference' in the suite.");
        ReferenceLogProbabilities reference = ReferenceLogProbabilities.Open(path);
        string protocol = QualityProtocol.Perplexity(plan.Text, plan.ContextLength, plan.Chunks);
        if (reference.Header.Protocol == protocol) return reference;
        reference.Dispose();
        throw new RequestException(
            $"The reference {path} was computed under {reference.Header.Protocol}, but the cell asks for {protocol}.",
            "Delete the file; it is computed again when needed.");
    }

    private static EvaluationResult EvaluateServed(
        EvaluationContext context, ChunkPlan plan, ReferenceLogProbabilities reference, CancellationToken cancellationToken)
    {
        using ServedText served = ServedText.Open(context, plan, rows: true, cancellationToken);
        DivergenceScorer.CheckVocabulary(served.VocabularySize ?? 0, reference.Header);
        var scores = new DivergenceScores(plan.Scored);
        float[][] rows = new float[served.Lanes][];
        for (int i = 0; i < rows.Length; i++) rows[i] = new float[reference.Header.VocabularySize];
        double seconds = served.Run(scores.Nll, (scored, _, lane, row) =>
        {
            reference.ReadRow(scored, rows[lane]);
            if (!scores.Score(scored, rows[lane], row, plan.Target(scored))) throw ChunkLoop.NotFinite(plan, scored);
        }, cancellationToken);
        string protocol = QualityProtocol.Perplexity(plan.Text, plan.ContextLength, plan.Chunks);
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        PerplexityEvaluator.AddPerplexity(metrics, plan, scores.Nll, reference.Header.VocabularySize, protocol);
        scores.AddTo(metrics, DivergenceScorer.Protocol(context.Cell, plan, reference.Header));
        PerplexityEvaluator.AddSpeed(metrics, plan, seconds);
        return served.Result(metrics, DivergenceScorer.Facts(plan, protocol, reference.Header));
    }
}
