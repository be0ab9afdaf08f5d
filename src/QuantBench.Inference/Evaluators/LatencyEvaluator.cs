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
/// whole time. Each of the two parts has its own warm-up, repetitions and caps. With <c>parallel</c> sequences speeds are of all together,
/// as llama-batched-bench gives them, and <c>token_latency</c> is that of a step of all.
/// </summary>
public sealed class LatencyEvaluator : IWorkloadEvaluator
{
    /// <summary>Most token latencies stored of all launches; later ones still count in <c>tg_tps</c>.</summary>
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
        int parallel = checked((int)settings.Int("parallel"));
        if (prompt == 0 && generate == 0)
            throw new RequestException("A latency cell with prompt 0 and generate 0 measures nothing.", "Set one of them.");
        using LoadedCell loaded = LoadedCell.Open(context,
            LoadedCell.CommonOptions(context, checked(depth + Math.Max(prompt, generate))) with { Sequences = parallel }, parallel,
            cancellationToken);
        IInferenceSession session = loaded.CreateSession();
        var repetition = new LatencyRepetition(context, session, loaded.Model.VocabularySize, prompt, generate, depth, parallel);
        repetition.Prefill(cancellationToken);
        var notes = new List<string>();
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        var logs = new List<InterferenceLog>();
        var facts = new List<(string Key, string Value)>();
        if (prompt > 0)
        {
            var part = new LatencyPart(context, "prompt", prompt * parallel, repetition.RunPrompt, () => repetition.PromptMs,
                loaded.Threads);
            long? prefilled = part.WarmUp(notes, cancellationToken);
            List<double> ttftMs = [];
            RepetitionRule rule = part.Measure(notes, () => ttftMs.Add(repetition.TtftMs), cancellationToken);
            metrics.Add(Speed("pp_tps", part, prompt * parallel, rule, notes));
            metrics.Add(rule.Weighed(
                MeasurementBuilder.FromRepetitions("ttft", [.. ttftMs], part.Log!.Disturbed(), rule.Marks(ttftMs))));
            if ((prefilled ?? context.Machine.ResidentBytes()) is { } bytes) metrics.Add(Measurement.Of("rss_prefill", bytes));
            part.AddEnergy("pp_energy", metrics, facts);
            logs.Add(part.Log);
        }

        if (generate > 0)
        {
            var part = new LatencyPart(context, "generation", generate * parallel, repetition.RunGeneration, () => repetition.GenerateMs,
                loaded.Threads);
            part.WarmUp(notes, cancellationToken);
            var tokens = new TokenTimes(MaxTokenSamples / context.Launches);
            RepetitionRule rule = part.Measure(notes, () => tokens.Add(repetition.TokenMs), cancellationToken);
            metrics.AddRange(Generation(Speed("tg_tps", part, generate * parallel, rule, notes), tokens, part.Log!));
            part.AddEnergy("tg_energy", metrics, facts);
            logs.Add(part.Log!);
        }

        loaded.AddSizes(metrics);
        foreach (Measurement metric in metrics.Where(m => m.IsDisturbed)) notes.Add($"{metric.Name}: {metric.Notes!.Value[^1]}");
        return InterferenceLog.AddTo(loaded.Result(metrics.ToImmutable(), notes, [.. facts]), [.. logs]);
    }

    private static Measurement Speed(string metric, LatencyPart part, int tokens, RepetitionRule rule, List<string> notes)
    {
        string[] marks = rule.Marks(part.Milliseconds);
        Measurement speed = rule.Weighed(MeasurementBuilder.FromRepetitions(metric,
            [.. part.Milliseconds.Select(ms => tokens / (ms / 1000))], part.Log!.Disturbed(), marks));
        foreach (string mark in marks.Concat((speed.Notes ?? []).Where(IntervalMark.Is))) notes.Add($"{metric}: {mark}");
        return speed;
    }

    // Both figures of a generation come from the same repetitions.
    private static Measurement[] Generation(Measurement speed, TokenTimes tokens, InterferenceLog log)
    {
        (double[] samples, long all) = tokens.Of(i => speed.IsDisturbed || !log.IsDisturbed(i));
        // Tokens of disturbed repetitions are; other launches may have enough that aren't.
        int[] disturbed = speed.IsDisturbed ? [.. Enumerable.Range(0, samples.Length)] : [];
        string[] marks = samples.Length < all ? [$"first {samples.Length} of {all} tokens"] : [];
        Measurement latency = MeasurementBuilder.FromRepetitions("token_latency", samples, disturbed, marks);
        (speed, latency) = GenerationCheck.Of(speed, latency);
        return [speed, latency];
    }
}
