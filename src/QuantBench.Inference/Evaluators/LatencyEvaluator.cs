using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Prompt and generation speed, as llama-bench measures them: first all prompts, then all generations, each from a cache of <c>depth</c>
/// tokens, and random tokens are fed, new ones each repetition. (Taking turns instead would make every generation start with caches full of
/// the prompt's data: 4 % slower on a model that fits in them.) The prompt goes in pieces of <c>n_batch</c>, only its last token wants
/// logits.
/// <c>pp_tps</c> counts until those logits can be read; <c>ttft</c> goes on until they were read and the most likely token was found.
/// Each generated token is one append with its logits computed; <c>token_latency</c> is one append, <c>tg_tps</c> their number over the
/// whole time. Each of the two parts has its own warm-up, repetitions and caps.
/// </summary>
public sealed class LatencyEvaluator : IWorkloadEvaluator
{
    /// <summary>Most token latencies stored; later ones still count in <c>tg_tps</c>.</summary>
    public const int MaxTokenSamples = 4096;

    /// <inheritdoc/>
    public string Workload => "latency";

    /// <inheritdoc/>
    public Support CanRun(EvaluationContext context) => LoadedCell.CanRun(context);

    /// <inheritdoc/>
    public EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        Core.Settings.CellSettings settings = context.Cell.Settings;
        int prompt = checked((int)settings.Int("prompt"));
        int generate = checked((int)settings.Int("generate"));
        int depth = checked((int)settings.Int("depth"));
        if (prompt == 0 && generate == 0)
            throw new RequestException("A latency cell with prompt 0 and generate 0 measures nothing.", "Set one of them.");
        using LoadedCell loaded = LoadedCell.Open(context, cancellationToken);
        IInferenceSession session =
            loaded.CreateSession(LoadedCell.CommonOptions(context, loaded.Threads, checked(depth + Math.Max(prompt, generate))));
        var repetition = new LatencyRepetition(context, session, loaded.Model.VocabularySize, prompt, generate, depth);
        repetition.Prefill(cancellationToken);
        var notes = new List<string>();
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        if (prompt > 0)
        {
            var part = new LatencyPart(context, "prompt", prompt, repetition.RunPrompt, () => repetition.PromptMs);
            long? prefilled = part.WarmUp(notes, cancellationToken);
            List<double> ttftMs = [];
            RepetitionRule rule = part.Measure(() => ttftMs.Add(repetition.TtftMs), cancellationToken);
            metrics.Add(Speed("pp_tps", part.Milliseconds, prompt, rule, notes));
            metrics.Add(MeasurementBuilder.FromSamples("ttft", [.. ttftMs], [.. rule.Marks(ttftMs)]));
            if ((prefilled ?? context.Machine.ResidentBytes()) is { } bytes) metrics.Add(Measurement.Of("rss_prefill", bytes));
        }

        if (generate > 0)
        {
            var part = new LatencyPart(context, "generation", generate, repetition.RunGeneration, () => repetition.GenerateMs);
            part.WarmUp(notes, cancellationToken);
            repetition.StartRecording();
            RepetitionRule rule = part.Measure(static () => { }, cancellationToken);
            metrics.Add(Speed("tg_tps", part.Milliseconds, generate, rule, notes));
            metrics.Add(TokenLatency(repetition, (long)part.Milliseconds.Count * generate));
        }

        loaded.AddSizes(metrics);
        return loaded.Result(metrics.ToImmutable(), notes);
    }

    private static Measurement Speed(string metric, List<double> milliseconds, int tokens, RepetitionRule rule, List<string> notes)
    {
        string[] marks = [.. rule.Marks(milliseconds)];
        foreach (string mark in marks) notes.Add($"{metric}: {mark}");
        return MeasurementBuilder.FromSamples(metric, [.. milliseconds.Select(ms => tokens / (ms / 1000))], marks);
    }

    private static Measurement TokenLatency(LatencyRepetition repetition, long tokens)
    {
        double[] samples = repetition.TokenMs();
        return samples.Length < tokens
            ? MeasurementBuilder.FromSamples("token_latency", samples, $"first {samples.Length} of {tokens} tokens")
            : MeasurementBuilder.FromSamples("token_latency", samples);
    }
}
