using System.Collections.Immutable;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Inference.Tests.Evaluators;

public class LatencyEvaluatorTests
{
    private static readonly CellSettings s_settings =
        CellSettings.Empty.With("prompt", 20L).With("generate", 4L).With("n_batch", 8L).With("repetitions", 10L).With("time_cap", 1000.0);

    private static EvaluationResult Evaluate(ToyEngine engine, TimeProvider clock, CellSettings settings) =>
        new LatencyEvaluator().Evaluate(ToyEngine.Context(engine, "latency", clock, settings), default);

    private static Measurement Metric(EvaluationResult result, string name) => result.Metrics.Single(m => m.Name == name);

    /// <summary>An engine that takes 2 ms per token.</summary>
    private static ToyEngine Steady(FakeTimeProvider clock) =>
        new() { OnAppend = batch => clock.Advance(TimeSpan.FromMilliseconds(2 * batch.Count)) };

    [Fact]
    public void Evaluate_GivesRates_WhenEngineIsSteady()
    {
        var clock = new FakeTimeProvider();

        EvaluationResult result = Evaluate(Steady(clock), clock, s_settings);

        Assert.Equal(500, Metric(result, "pp_tps").Value, 1e-9);
        Assert.Equal(10, Metric(result, "pp_tps").N);
        Assert.Equal(500, Metric(result, "tg_tps").Value, 1e-9);
        Assert.Equal(40, Metric(result, "ttft").Value, 1e-9);
        Assert.Equal(2, Metric(result, "token_latency").Value, 1e-9);
        Assert.Equal(40, Metric(result, "token_latency").N);
        Assert.Null(Metric(result, "token_latency").P90); // 40 samples are too few
        Assert.Equal(123, Metric(result, "rss_prefill").Value);
        Assert.Empty(result.Notes);
    }

    [Theory]
    [InlineData(100, 5.0)] // 50 W for 100 ms a token
    [InlineData(2, null)] // measured within 0.4 s
    public void Evaluate_GivesEnergyPerToken_WhereItWasMeasuredForLongEnough(int ms, double? joules)
    {
        var clock = new FakeTimeProvider();
        var engine = new ToyEngine { OnAppend = batch => clock.Advance(TimeSpan.FromMilliseconds(ms * batch.Count)) };
        EvaluationContext context = ToyEngine.Context(engine, "latency", clock, s_settings) with { Machine = new Powered(clock) };

        EvaluationResult result = new LatencyEvaluator().Evaluate(context, default);

        Measurement[] found = [.. result.Metrics.Where(m => m.Name is "pp_energy" or "tg_energy")];
        Assert.Equal(joules is null ? 0 : 2, found.Length);
        Assert.All(found, m => Assert.Equal((joules!.Value, "J"), (m.Value, m.Unit)));
        Assert.Contains(joules is null ? "too short" : "other processes", result.Provenance["energy_prompt"], StringComparison.Ordinal);
        Assert.Contains(joules is null ? "too short" : "other processes", result.Provenance["energy_generation"], StringComparison.Ordinal);
    }

    [Fact]
    public void Evaluate_SaysWhyThereIsNoEnergy()
    {
        var clock = new FakeTimeProvider();

        EvaluationResult result = Evaluate(Steady(clock), clock, s_settings);

        Assert.Equal("energy isn't read here", result.Provenance["energy_generation"]);
        Assert.DoesNotContain(result.Metrics, m => m.Unit == "J");
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 0)]
    [InlineData(3, 5)] // in a cache of 15 tokens
    public void Evaluate_RunsSequencesAtOnce_AndCountsTheTokensOfAll(long parallel, long depth)
    {
        var clock = new FakeTimeProvider();
        var shapes = new HashSet<string>();
        ToyEngine engine = Steady(clock);
        Action<TokenBatch>? takesTime = engine.OnAppend;
        engine.OnAppend = batch =>
        {
            takesTime!(batch);
            shapes.Add($"{batch.Count} of {batch.Sequences.ToArray().Distinct().Count()}");
        };

        EvaluationResult result = Evaluate(engine, clock, s_settings.With("parallel", parallel).With("depth", depth));

        Assert.Equal(500, Metric(result, "pp_tps").Value, 1e-9); // 2 ms a token, whoever's
        Assert.Equal(500, Metric(result, "tg_tps").Value, 1e-9);
        Assert.Equal(2 * parallel, Metric(result, "token_latency").Value, 1e-9); // a step of all
        Assert.Equal(40 * parallel, Metric(result, "ttft").Value, 1e-9);
        Assert.Equal(parallel, engine.Sessions[0].Sequences);
        Assert.Equal(20 + depth, engine.Sessions[0].ContextLength);
        Assert.Contains($"{parallel} of {parallel}", shapes);
        // Each repetition, warm or not, cuts every sequence back.
        int cuts = engine.Calls.Count(c => c == $"truncate {depth}");
        if (depth > 0) Assert.InRange(cuts, parallel * 2 * 10, parallel * 2 * (3 + 10));
        Assert.Equal(0, cuts % parallel);
    }

    [Fact]
    public void Evaluate_WarmsUpThreeTimes_WhenSteadyAtOnce()
    {
        var clock = new FakeTimeProvider();
        ToyEngine engine = Steady(clock);

        Evaluate(engine, clock, s_settings);

        // The cache is emptied before each prompt and before each generation; one more reset at the start.
        Assert.Equal(1 + 2 * (3 + 10), engine.Calls.Count(c => c == "reset"));
    }

    [Fact]
    public void Evaluate_MarksCell_WhenWarmUpCapIsReached_AndItStillGetsFaster()
    {
        var clock = new FakeTimeProvider();
        double ms = 1000;
        var engine = new ToyEngine
        {
            OnAppend = batch =>
            {
                ms *= 0.97;
                clock.Advance(TimeSpan.FromMilliseconds(ms));
            },
        };

        EvaluationResult result = Evaluate(engine, clock, s_settings.With("time_cap", 4.0));

        Assert.Contains("prompt: warm-up cap reached before a steady state", result.Notes);
        Assert.Contains("generation: warm-up cap reached before a steady state", result.Notes);
    }

    [Fact]
    public void Evaluate_StopsAtTimeCapWithMark_WhenIntervalStaysWide()
    {
        var clock = new FakeTimeProvider();
        int appends = 0;
        var engine = new ToyEngine { OnAppend = _ => clock.Advance(TimeSpan.FromMilliseconds(50 + 50 * (appends++ / 3 % 2))) };

        EvaluationResult result = Evaluate(engine, clock, s_settings.With("generate", 0L).With("time_cap", 5.0));

        // A repetition takes 150 or 300 ms in turn: 5 s are over after 22 or 23 of them.
        Assert.InRange(Metric(result, "pp_tps").N!.Value, 22, 23);
        Assert.Contains(result.Notes,
            n => n.StartsWith("pp_tps: interval ", StringComparison.Ordinal)
                && n.EndsWith("wider than target ±2 %", StringComparison.Ordinal));
        Assert.DoesNotContain(result.Metrics, m => m.Name is "tg_tps" or "token_latency");
    }

    [Fact]
    public void Evaluate_StopsBelowLeastRepetitionsWithMark_WhenTimeCapPasses()
    {
        var clock = new FakeTimeProvider();

        EvaluationResult result = Evaluate(Steady(clock), clock, s_settings.With("time_cap", 0.1));

        Assert.Equal(3, Metric(result, "pp_tps").N); // 40 ms each
        Assert.Contains("pp_tps: 3 of 10 repetitions within 0.1 s", result.Notes);
        Assert.Equal(10, Metric(result, "tg_tps").N); // 8 ms each
    }

    [Fact]
    public void Evaluate_StopsAtMostRepetitions_WhenIntervalStaysWide()
    {
        var clock = new FakeTimeProvider();
        int appends = 0;
        var engine = new ToyEngine { OnAppend = _ => clock.Advance(TimeSpan.FromMilliseconds(50 + 50 * (appends++ / 3 % 2))) };

        EvaluationResult result = Evaluate(engine, clock, s_settings.With("generate", 0L).With("max_repetitions", 14L));

        Assert.Equal(14, Metric(result, "pp_tps").N);
    }

    [Fact]
    public void Evaluate_RunsAllPromptsThenAllGenerationsAtDepth()
    {
        var clock = new FakeTimeProvider();
        var sizes = new List<int>();
        ToyEngine engine = new()
        {
            OnAppend = batch =>
            {
                sizes.Add(batch.Count);
                clock.Advance(TimeSpan.FromMilliseconds(1));
            },
        };

        Evaluate(engine, clock, s_settings.With("depth", 12L));

        Assert.Equal([8, 4], sizes[..2]); // prefilled once
        Assert.Equal(Enumerable.Repeat<int[]>([8, 8, 4], 3 + 10).SelectMany(p => p), sizes[2..41]);
        Assert.Equal(Enumerable.Repeat(1, 4 * (3 + 10)), sizes[41..]);
        Assert.Equal(["reset", "truncate 12", "truncate 12", "truncate 12"], engine.Calls[..4]);
        Assert.Equal(32, engine.Sessions[0].ContextLength); // the longer part at depth
    }

    [Fact]
    public void Evaluate_DrawsNewTokensEachRepetition_AndTheSameAgainFromOneSeed()
    {
        List<string> First(long seed)
        {
            var clock = new FakeTimeProvider();
            var prompts = new List<string>();
            ToyEngine engine = new()
            {
                OnAppend = batch =>
                {
                    if (batch.Count == 20) prompts.Add(string.Join(' ', batch.Tokens.ToArray()));
                    clock.Advance(TimeSpan.FromMilliseconds(1));
                },
            };
            Evaluate(engine, clock, s_settings.With("n_batch", 64L).With("seed", seed));
            return prompts;
        }

        List<string> prompts = First(1);

        Assert.Equal(prompts.Count, prompts.Distinct().Count());
        Assert.Equal(prompts, First(1));
        Assert.NotEqual(prompts, First(2));
    }

    [Fact]
    public void Evaluate_AllocatesNothing_BetweenTokens()
    {
        long[] allocated = new long[400];
        int appends = 0;
        var engine = new ToyEngine
        {
            OnAppend = _ =>
            {
                if (appends < allocated.Length) allocated[appends++] = GC.GetAllocatedBytesForCurrentThread();
            },
        };

        Evaluate(engine, TimeProvider.System,
            s_settings.With("generate", 100L).With("prompt", 8L).With("warmup_cap", 0.0).With("repetitions", 3L)
                .With("max_repetitions", 3L));

        // Appends 0 to 2 are prompts, then come three generations. From the second token of the second one on, all code has run once.
        for (int i = 105; i < 203; i++) Assert.Equal(allocated[104], allocated[i]);
    }

    [Fact]
    public void Evaluate_KeepsFirstTokenLatenciesWithMark_WhenThereAreTooMany()
    {
        var clock = new FakeTimeProvider();

        EvaluationResult result = Evaluate(Steady(clock), clock, s_settings.With("generate", 500L).With("prompt", 0L));

        Measurement latency = Metric(result, "token_latency");
        Assert.Equal(4096, latency.Samples!.Length);
        Assert.Equal("first 4096 of 5000 tokens", Assert.Single(latency.Notes!.Value));
        Assert.NotNull(latency.P99);
        Assert.DoesNotContain(result.Metrics, m => m.Name is "pp_tps" or "ttft");
    }

    [Fact]
    public void Evaluate_Throws_WhenNothingIsMeasured()
    {
        Assert.Throws<RequestException>(() =>
            Evaluate(new ToyEngine(), TimeProvider.System, s_settings.With("prompt", 0L).With("generate", 0L)));
    }

    [Fact]
    public void Evaluate_DoesNotMarkCell_WhenTheCapEndsWarmUp_ButWhatFollowsIsSteady()
    {
        var clock = new FakeTimeProvider();
        int appends = 0;
        // The first repetition takes longer than the cap.
        var engine = new ToyEngine { OnAppend = _ => clock.Advance(TimeSpan.FromMilliseconds(appends++ == 0 ? 5000 : 50)) };

        EvaluationResult result = Evaluate(engine, clock, s_settings.With("generate", 0L));

        Assert.DoesNotContain(result.Notes, n => n.Contains("warm-up", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(new[] { 200.0 }, false)]
    [InlineData(new[] { 80.0, 79 }, true)]
    [InlineData(new[] { 80.0, 77 }, false)] // 4 % apart
    [InlineData(new[] { 40.0, 40 }, false)] // clocks may still rise
    [InlineData(new[] { 40.0, 40, 40 }, true)]
    public void IsWarm_TakesTwoThatAgree_AfterAWhile(double[] milliseconds, bool warm) =>
        Assert.Equal(warm, WarmUp.IsWarm(milliseconds));

    [Theory]
    [InlineData(new[] { 10.0, 10 }, false)] // two are too few
    [InlineData(new[] { 10.0, 10, 10 }, true)]
    [InlineData(new[] { 50.0, 10, 10.2, 10.1 }, true)]
    [InlineData(new[] { 10.0, 11, 10 }, false)] // 10 % off the median
    [InlineData(new[] { 10.3, 10.1, 9.9 }, false)] // still falling, by 3.9 %
    [InlineData(new[] { 10.1, 10.05, 10.0 }, true)] // falling by 1 % only
    public void IsSteady_FollowsRule(double[] durations, bool steady)
    {
        Assert.Equal(steady, WarmUp.IsSteady(durations));
    }

    /// <summary>A machine that draws 50 W.</summary>
    private sealed class Powered(TimeProvider clock) : IMachineProbe
    {
        private readonly long _start = clock.GetTimestamp();

        public int UsableCores => 2;

        public long? ResidentBytes() => null;

        public long? PeakResidentBytes() => null;

        public ImmutableSortedDictionary<string, double> Conditions() => ImmutableSortedDictionary<string, double>.Empty;

        public EnergyReading Energy(bool devices) => new(
            ImmutableSortedDictionary<string, long>.Empty
                .Add("package", (long)Math.Round(clock.GetElapsedTime(_start).TotalSeconds * 50e6)),
            ImmutableSortedDictionary<string, long>.Empty.Add("package", 1L << 40), null);
    }
}
