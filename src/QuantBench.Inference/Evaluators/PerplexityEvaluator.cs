using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Perplexity by llama-perplexity's definition: the text is cut into chunks of <c>n_ctx</c>, each runs from an empty cache, and positions
/// n_ctx/2 … n_ctx − 2 are scored on their next token.
/// </summary>
public sealed class PerplexityEvaluator : IWorkloadEvaluator
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
        ChunkPlan plan = ChunkPlan.Make(context.Text, context.Cell.Settings);
        if (context.Engine is IServerEngine) return EvaluateServed(context, plan, cancellationToken);
        using LoadedCell loaded = LoadedCell.Open(context, cancellationToken);
        plan.CheckVocabulary(loaded.Model.VocabularySize);
        IInferenceSession session =
            loaded.CreateSession(ChunkLoop.Options(plan, LoadedCell.CommonOptions(context, loaded.Threads, plan.ContextLength)));
        double[] nll = new double[plan.Scored];
        using var workers = new RowWorkers(loaded.Threads);
        var loop = new ChunkLoop(plan, session, workers, (_, scored, logits, target) =>
        {
            LogPartition partition = LogitMath.Partition(logits);
            if (!partition.IsFinite) throw ChunkLoop.NotFinite(plan, scored);
            nll[scored] = partition.Value - logits[target];
        });
        double seconds = RunTimed(context, plan, loop, nll, cancellationToken);
        string protocol = QualityProtocol.Perplexity(plan.Text, plan.ContextLength, plan.Chunks);
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        AddPerplexity(metrics, plan, nll, loaded.Model.VocabularySize, protocol);
        AddSpeed(metrics, plan, seconds);
        loaded.AddSizes(metrics);
        return loaded.Result(metrics.ToImmutable(), [], Provenance(plan, protocol));
    }

    private static EvaluationResult EvaluateServed(EvaluationContext context, ChunkPlan plan, CancellationToken cancellationToken)
    {
        using ServedText served = ServedText.Open(context, plan, rows: false, cancellationToken);
        double[] nll = new double[plan.Scored];
        double seconds = served.Run(nll, (scored, next, _, _) => nll[scored] = -next, cancellationToken);
        string protocol = QualityProtocol.Perplexity(plan.Text, plan.ContextLength, plan.Chunks);
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        AddPerplexity(metrics, plan, nll, served.VocabularySize ?? int.MaxValue, protocol);
        AddSpeed(metrics, plan, seconds);
        return served.Result(metrics, Provenance(plan, protocol));
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
                for (; counted < done * plan.ScoredPerChunk; counted++) sum += nll[counted];
                context.Progress.Report(new EvaluationProgress("chunks", done, plan.Chunks, $"PPL {Math.Exp(sum / counted):0.0000}"));
            },
            cancellationToken);
        return context.Clock.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Adds <c>perplexity</c> and <c>bits_per_byte</c>.</summary>
    /// <exception cref="EngineException">It is beyond what a number holds.</exception>
    internal static void AddPerplexity(ImmutableArray<Measurement>.Builder metrics, ChunkPlan plan, double[] nll, int vocabulary,
        string protocol)
    {
        double[] chunks = new double[plan.Chunks];
        for (int chunk = 0; chunk < chunks.Length; chunk++)
        {
            chunks[chunk] = Math.Exp(PairedStatistics.Mean(nll.AsSpan(chunk * plan.ScoredPerChunk, plan.ScoredPerChunk)).Value);
        }

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
        long bytes = plan.ScoredBytes();
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

    /// <summary>Facts that identify a quality figure.</summary>
    internal static (string Key, string Value)[] Provenance(ChunkPlan plan, string protocol) =>
    [
        ("protocol", protocol),
        ("dataset", plan.Text.Dataset),
        ("dataset_sha256", plan.Text.TextSha256),
        ("tokenizer_sha256", plan.Text.TokenizerSha256),
    ];
}
