using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Perplexity by llama-perplexity's definition: the text is cut into chunks of <c>n_ctx</c>, each runs from an empty cache, and positions
/// n_ctx/2 … n_ctx − 2 are scored on their next token.
/// </summary>
public sealed class PerplexityEvaluator : IWorkloadEvaluator, ITextWorkload
{
    // Two-sided 95 % of the normal distribution: scored tokens are many.
    private const double Normal95 = 1.959963984540054;

    /// <inheritdoc/>
    public string Workload => "perplexity";

    /// <inheritdoc/>
    public Support CanRun(EvaluationContext context) => ServedText.CanRun(context) ?? LoadedCell.CanRun(context);

    /// <inheritdoc/>
    public EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Engine is IServerEngine
            ? EvaluateServed(context, ChunkPlan.Make(context.Text, context.Cell.Settings), cancellationToken)
            : TextPass.Run(context, cancellationToken);
    }

    /// <inheritdoc/>
    public IReadOnlyList<PassOutcome> EvaluateTogether(IReadOnlyList<EvaluationContext> contexts, CancellationToken cancellationToken) =>
        TextPass.Run(contexts, cancellationToken);

    /// <inheritdoc/>
    ITextScorer ITextWorkload.OpenScorer(EvaluationContext context, ChunkPlan plan) => new PerplexityScorer(plan);

    private static EvaluationResult EvaluateServed(EvaluationContext context, ChunkPlan plan, CancellationToken cancellationToken)
    {
        using ServedText served = ServedText.Open(context, plan, rows: false, cancellationToken);
        double[] nll = new double[plan.Scored];
        double seconds = served.Run(nll, (scored, next, _, _) => nll[scored] = -next, cancellationToken);
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        AddPerplexity(metrics, plan, nll, served.VocabularySize ?? int.MaxValue);
        AddSpeed(metrics, plan, seconds);
        var finite = FinitePositions.Of(plan, nll);
        return served.Result(metrics, finite.Notes, Provenance(plan, finite));
    }

    /// <summary>Runs the loop with progress; returns its seconds, scoring included.</summary>
    internal static double RunTimed(EvaluationContext context, ChunkPlan plan, ChunkLoop loop, double[] nll,
        CancellationToken cancellationToken)
    {
        double sum = 0;
        int counted = 0;
        context.Progress.Report(new EvaluationProgress("chunks", 0, plan.Chunks, ""));
        loop.WarmUp(cancellationToken);
        long start = context.Clock.GetTimestamp();
        loop.Run(
            done =>
            {
                for (; counted < done * plan.ScoredPerChunk; counted++) sum += double.IsNaN(nll[counted]) ? 0 : nll[counted];
                context.Progress.Report(new EvaluationProgress("chunks", done, plan.Chunks, $"PPL {Math.Exp(sum / counted):0.0000}"));
            },
            cancellationToken);
        return context.Clock.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Adds <c>perplexity</c> and <c>bits_per_byte</c>.</summary>
    /// <param name="metrics">Receives them.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="all">Negative log-likelihood of each position; NaN where one doesn't count.</param>
    /// <param name="vocabulary">Size of the vocabulary.</param>
    /// <exception cref="EngineException">It is beyond what a number holds, or a chunk has no position that counts.</exception>
    internal static void AddPerplexity(ImmutableArray<Measurement>.Builder metrics, ChunkPlan plan, double[] all, int vocabulary)
    {
        var finite = FinitePositions.Of(plan, all);
        string protocol = Protocol(plan, finite);
        double[] nll = finite.Keep(all);
        double[] chunks = new double[plan.Chunks];
        for (int chunk = 0; chunk < chunks.Length; chunk++)
        {
            double[] scored = all[(chunk * plan.ScoredPerChunk)..((chunk + 1) * plan.ScoredPerChunk)];
            chunks[chunk] = Math.Exp(PairedStatistics.Mean([.. scored.Where(n => !double.IsNaN(n))]).Value);
        }

        finite.AddTo(metrics);
        Estimate perplexity = PairedStatistics.Perplexity(nll);
        if (!double.IsFinite(perplexity.Value) || !chunks.All(double.IsFinite))
        {
            throw new EngineException(
                $"The perplexity is beyond what a number holds: the mean negative log-likelihood is "
                    + $"{PairedStatistics.Mean(nll).Value:0} nats per token.", $"Likely causes: {Measurement.CausesOfNonsense}.");
        }

        metrics.Add(Measurement.Of("perplexity", perplexity.Value, perplexity.Error, nll.Length) with
        {
            Samples = chunks,
            Ci95 = [perplexity.Value - Normal95 * perplexity.Error, perplexity.Value + Normal95 * perplexity.Error],
            Protocol = protocol,
            Notes = perplexity.Value > vocabulary ? [ChanceMark(vocabulary)] : null,
        });

        // The error is the sum's: n times the mean's. Bytes are a fact of the text. A text of special tokens alone has none.
        long bytes = plan.ScoredBytes(finite.Numbers());
        if (bytes == 0) return;
        Estimate mean = PairedStatistics.Mean(nll);
        double scale = nll.Length / Math.Log(2) / bytes;
        metrics.Add(Measurement.Of("bits_per_byte", mean.Value * scale, mean.Error * scale, nll.Length) with
        {
            Samples = [.. chunks.Select(c => Math.Log(c) * scale)], // their mean is the figure: every chunk scores as many tokens
            Protocol = protocol,
        });
    }

    private static string ChanceMark(int vocabulary) =>
        $"{Measurement.WorseThanChance}: guessing among the {vocabulary} tokens gives {vocabulary}. Likely causes: "
            + Measurement.CausesOfNonsense;

    /// <summary>Adds <c>eval_tps</c> unless the clock stood still.</summary>
    internal static void AddSpeed(ImmutableArray<Measurement>.Builder metrics, ChunkPlan plan, double seconds)
    {
        if (seconds > 0) metrics.Add(Measurement.Of("eval_tps", (double)plan.Chunks * plan.ContextLength / seconds));
    }

    /// <summary>Protocol id of a text's perplexity.</summary>
    internal static string Protocol(ChunkPlan plan, FinitePositions finite) =>
        QualityProtocol.Perplexity(plan.Text, plan.ContextLength, plan.Chunks) + finite.Suffix;

    /// <summary>Facts that identify a quality figure.</summary>
    internal static (string Key, string Value)[] Provenance(ChunkPlan plan, FinitePositions finite) =>
    [
        ("protocol", Protocol(plan, finite)),
        ("dataset", plan.Text.Dataset),
        ("dataset_sha256", plan.Text.TextSha256),
        ("tokenizer_sha256", plan.Text.TokenizerSha256),
    ];
}
