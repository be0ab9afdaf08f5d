using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Prompt and generation speed, as llama-bench measures them: prompt and generation each start from a cache of <c>depth</c> tokens, not one
/// after the other, and random tokens are fed, new ones each repetition. The prompt goes in pieces of <c>n_batch</c>, only its last token wants logits.
/// <c>pp_tps</c> counts until those logits can be read; <c>ttft</c> goes on until they were read and the most likely token was found.
/// Each generated token is one append with its logits computed; <c>token_latency</c> is one append, <c>tg_tps</c> their number over the whole time.
/// </summary>
public sealed class LatencyEvaluator : IWorkloadEvaluator
{
    /// <summary>Most token latencies stored; later ones still count in <c>tg_tps</c>.</summary>
    public const int MaxTokenSamples = 4096;

    /// <inheritdoc/>
    public string Workload => "latency";

    /// <inheritdoc/>
    public EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        Core.Settings.CellSettings settings = context.Cell.Settings;
        int prompt = checked((int)settings.Int("prompt"));
        int generate = checked((int)settings.Int("generate"));
        int depth = checked((int)settings.Int("depth"));
        if (prompt == 0 && generate == 0) throw new RequestException("A latency cell with prompt 0 and generate 0 measures nothing.", "Set one of them.");
        using LoadedCell loaded = LoadedCell.Open(context, cancellationToken);
        IInferenceSession session = loaded.CreateSession(LoadedCell.CommonOptions(context, loaded.Threads, checked(depth + prompt + generate)));
        var repetition = new LatencyRepetition(context, session, loaded.Model.VocabularySize, prompt, generate, depth);
        repetition.Prefill(cancellationToken);
        var notes = new List<string>();
        long? residentPrefilled = null;
        WarmUpUntilSteady(context, repetition, notes, ref residentPrefilled, cancellationToken);

        var promptMs = new List<double>();
        var ttftMs = new List<double>();
        var generateMs = new List<double>();
        List<double>[] series = prompt > 0 && generate > 0 ? [promptMs, generateMs] : prompt > 0 ? [promptMs] : [generateMs];
        repetition.StartRecording();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        var rule = new RepetitionRule(settings, context.Clock);
        while (rule.WantsMore(series))
        {
            cancellationToken.ThrowIfCancellationRequested();
            repetition.Run(cancellationToken);
            residentPrefilled ??= context.Machine.ResidentBytes();
            if (prompt > 0)
            {
                promptMs.Add(repetition.PromptMs);
                ttftMs.Add(repetition.TtftMs);
            }

            if (generate > 0) generateMs.Add(repetition.GenerateMs);
            context.Progress.Report(new EvaluationProgress("measure", series[0].Count, settings.Int("repetitions"), Speeds(repetition, prompt, generate)));
        }

        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        if (prompt > 0)
        {
            metrics.Add(Speed("pp_tps", promptMs, prompt, rule, notes));
            metrics.Add(MeasurementBuilder.FromSamples("ttft", [.. ttftMs], [.. rule.Marks(ttftMs)]));
        }

        if (generate > 0)
        {
            metrics.Add(Speed("tg_tps", generateMs, generate, rule, notes));
            metrics.Add(TokenLatency(repetition, (long)generateMs.Count * generate));
        }

        if (residentPrefilled is { } bytes && prompt > 0) metrics.Add(Measurement.Of("rss_prefill", bytes));
        loaded.AddSizes(metrics);
        return loaded.Result(metrics.ToImmutable(), notes);
    }

    private static void WarmUpUntilSteady(
        EvaluationContext context, LatencyRepetition repetition, List<string> notes, ref long? residentPrefilled, CancellationToken cancellationToken)
    {
        double cap = context.Cell.Settings.Number("warmup_cap");
        if (cap <= 0)
        {
            notes.Add("no warm-up");
            return;
        }

        var promptMs = new List<double>();
        var generateMs = new List<double>();
        long start = context.Clock.GetTimestamp();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            repetition.Run(cancellationToken);
            residentPrefilled ??= context.Machine.ResidentBytes();
            promptMs.Add(repetition.PromptMs);
            generateMs.Add(repetition.GenerateMs);
            context.Progress.Report(new EvaluationProgress("warm-up", promptMs.Count, 0, ""));

            // A part that isn't measured takes 0 ms every time, which is steady.
            if (WarmUp.IsSteady([.. promptMs]) && WarmUp.IsSteady([.. generateMs])) return;
            if (context.Clock.GetElapsedTime(start).TotalSeconds < cap) continue;
            notes.Add("warm-up cap reached before a steady state");
            return;
        }
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

    private static string Speeds(LatencyRepetition repetition, int prompt, int generate)
    {
        string promptSpeed = prompt > 0 ? $"pp {prompt / (repetition.PromptMs / 1000):0.0} t/s" : "";
        string generateSpeed = generate > 0 ? $"tg {generate / (repetition.GenerateMs / 1000):0.0} t/s" : "";
        return $"{promptSpeed} {generateSpeed}".Trim();
    }
}

/// <summary>One repetition of prompt and generation; nothing is allocated between its first and last timestamp.</summary>
internal sealed class LatencyRepetition
{
    private readonly TimeProvider _clock;
    private readonly IInferenceSession _session;
    private readonly Random _random;
    private readonly int _vocabulary;
    private readonly int _prompt;
    private readonly int _generate;
    private readonly int _depth;
    private readonly int _batchTokens;
    private readonly TokenBatch[] _pieces;
    private readonly TokenBatch _single = new();
    private readonly double[] _tokenMs = new double[LatencyEvaluator.MaxTokenSamples];
    private int _recorded;

    public LatencyRepetition(EvaluationContext context, IInferenceSession session, int vocabulary, int prompt, int generate, int depth)
    {
        (_clock, _session, _vocabulary, _prompt, _generate, _depth) = (context.Clock, session, vocabulary, prompt, generate, depth);
        long seed = context.Cell.Settings.Int("seed");
        _random = new Random((int)(seed ^ (seed >> 32)));
        _batchTokens = checked((int)context.Cell.Settings.Int("n_batch"));
        _pieces = [.. Enumerable.Range(0, (prompt + _batchTokens - 1) / _batchTokens).Select(_ => new TokenBatch())];
    }

    /// <summary>Time of the last prompt until its logits could be read.</summary>
    public double PromptMs { get; private set; }

    /// <summary>Time of the last prompt until its most likely next token was known.</summary>
    public double TtftMs { get; private set; }

    /// <summary>Time of the last generation.</summary>
    public double GenerateMs { get; private set; }

    /// <summary>Token found last; kept so that finding it can't be left out.</summary>
    public int LastToken { get; private set; }

    /// <summary>Fills the cache to the depth; once, every repetition cuts back to it.</summary>
    public void Prefill(CancellationToken cancellationToken)
    {
        _session.Reset();
        for (int done = 0; done < _depth; done += _batchTokens)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Fill(_single, Math.Min(_batchTokens, _depth - done), lastWanted: done + _batchTokens >= _depth);
            _session.Append(_single, cancellationToken);
        }
    }

    /// <summary>Forgets the token latencies of the warm-up.</summary>
    public void StartRecording() => _recorded = 0;

    /// <summary>Token latencies recorded, in order.</summary>
    public double[] TokenMs() => _tokenMs[.._recorded];

    /// <summary>Runs prompt and generation.</summary>
    public void Run(CancellationToken cancellationToken)
    {
        if (_prompt > 0) RunPrompt(cancellationToken);
        if (_generate > 0) RunGeneration(cancellationToken);
    }

    private void RunPrompt(CancellationToken cancellationToken)
    {
        BackToDepth();
        for (int i = 0; i < _pieces.Length; i++)
        {
            Fill(_pieces[i], Math.Min(_batchTokens, _prompt - i * _batchTokens), lastWanted: i == _pieces.Length - 1);
        }

        long start = _clock.GetTimestamp();
        foreach (TokenBatch piece in _pieces) _session.Append(piece, cancellationToken);
        long computed = _clock.GetTimestamp();
        LastToken = MostLikely(_session.Logits(0));
        long read = _clock.GetTimestamp();
        PromptMs = _clock.GetElapsedTime(start, computed).TotalMilliseconds;
        TtftMs = _clock.GetElapsedTime(start, read).TotalMilliseconds;
    }

    private void RunGeneration(CancellationToken cancellationToken)
    {
        BackToDepth();
        long start = _clock.GetTimestamp();
        long before = start;
        for (int i = 0; i < _generate; i++)
        {
            Fill(_single, 1, lastWanted: true);
            _session.Append(_single, cancellationToken);
            long after = _clock.GetTimestamp();
            if (_recorded < _tokenMs.Length) _tokenMs[_recorded++] = _clock.GetElapsedTime(before, after).TotalMilliseconds;
            before = after;
        }

        GenerateMs = _clock.GetElapsedTime(start, before).TotalMilliseconds;
    }

    private void BackToDepth()
    {
        if (_depth == 0) _session.Reset();
        else _session.Truncate(0, _depth);
    }

    private void Fill(TokenBatch batch, int count, bool lastWanted)
    {
        batch.Clear();
        for (int i = 0; i < count; i++) batch.Add(_random.Next(_vocabulary), 0, lastWanted && i == count - 1);
    }

    private static int MostLikely(ReadOnlySpan<float> logits)
    {
        float max = LogitMath.FiniteMax(logits);
        if (float.IsNaN(max)) throw new EngineException("The engine returned logits that aren't finite.", "The artifact is broken, or its activations overflow.");
        return LogitMath.ArgMax(logits, max);
    }
}
