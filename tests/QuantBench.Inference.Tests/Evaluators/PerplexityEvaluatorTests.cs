using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Inference.Tests.Evaluators;

/// <summary>
/// Goldens: the toy engine's formula and llama-perplexity's statistics computed by an independent Python script (math.fsum, double
/// precision) over 5 chunks of 16 tokens.
/// </summary>
public class PerplexityEvaluatorTests
{
    private static readonly CellSettings s_settings = CellSettings.Empty.With("n_ctx", 16L).With("n_batch", 32L);

    private static EvaluationResult Evaluate(ToyEngine engine, CellSettings settings, EvaluationText text,
        CancellationToken token = default) =>
        new PerplexityEvaluator().Evaluate(ToyEngine.Context(engine, "perplexity", TimeProvider.System, settings, text), token);

    private static Measurement Metric(EvaluationResult result, string name) => result.Metrics.Single(m => m.Name == name);

    [Theory]
    [InlineData(32, 1)] // two chunks side by side
    [InlineData(32, 3)]
    [InlineData(2048, 2)] // all chunks in one batch
    [InlineData(16, 2)]
    [InlineData(5, 2)] // a chunk in four appends
    [InlineData(1, 1)]
    public void Evaluate_GivesGolden_WhateverBatchAndThreads(long batch, long threads)
    {
        EvaluationResult result = Evaluate(new ToyEngine(), s_settings.With("n_batch", batch).With("threads", threads), ToyEngine.Text(83));

        Measurement perplexity = Metric(result, "perplexity");
        Assert.Equal(546.1925559190088, perplexity.Value, 546 * 1e-6);
        Assert.Equal(262.48453540434787, perplexity.Error!.Value, 262 * 1e-5); // 1e-5: the error's own relative error is larger
        Assert.Equal(35, perplexity.N);
        Assert.Equal(5, perplexity.Samples!.Length);
        Assert.Equal(338.08182715396265, perplexity.Samples[0], 338 * 1e-6);
        Assert.Equal(3.182643044511484, Metric(result, "bits_per_byte").Value, 1e-6);
        Assert.Equal(0.24266130451971432, Metric(result, "bits_per_byte").Error!.Value, 1e-6);
    }

    [Fact]
    public void Evaluate_PutsBosBeforeTheTextAndOverEachChunksFirstToken_WhenTokenizerAddsIt()
    {
        EvaluationResult result = Evaluate(new ToyEngine(), s_settings, ToyEngine.Text(83, bos: 1));

        Assert.Equal(845.8761708533264, Metric(result, "perplexity").Value, 845 * 1e-6);
        Assert.Equal(3.4035059345612426, Metric(result, "bits_per_byte").Value, 1e-6);
        Assert.StartsWith("ppl-v2;n_ctx=16;chunks=5;bos=1;", Metric(result, "perplexity").Protocol); // v1 was cut without it
    }

    [Fact]
    public void Evaluate_CountsBosAmongTheTextsTokens_WhenTheLastChunkNeedsIt()
    {
        EvaluationResult result = Evaluate(new ToyEngine(), s_settings, ToyEngine.Text(79, bos: 1));

        Assert.Equal(5, Metric(result, "perplexity").Samples!.Length); // 80 tokens
        Assert.Equal(845.8761708533264, Metric(result, "perplexity").Value, 845 * 1e-6);
    }

    [Fact]
    public void Evaluate_NamesProtocolAndProvenance_Always()
    {
        EvaluationResult result = Evaluate(new ToyEngine(), s_settings.With("chunks", 3L), ToyEngine.Text(83));

        Assert.Equal("ppl-v1;n_ctx=16;chunks=3;bos=none;text=111111111111;tokenizer=222222222222", Metric(result, "perplexity").Protocol);
        Assert.Equal("toy 1", result.Provenance["engine_build"]);
        Assert.Equal("cpu", result.Provenance["device_used"]);
        Assert.Equal("2", result.Provenance["threads_used"]);
        Assert.Equal(0.5, result.Conditions["before_load_1m"]);
        Assert.Equal(36, Metric(result, "bits_per_weight").Value);
        Assert.Equal(456, Metric(result, "rss_peak").Value);
        Assert.True(Metric(result, "eval_tps").Value > 0);
    }

    [Fact]
    public void Evaluate_WantsLogitsOfScoredPositionsOnly_InEveryChunk()
    {
        var wanted = new List<string>();
        var engine = new ToyEngine
        {
            OnAppend = batch => wanted.Add(string.Concat(batch.LogitsWanted.ToArray().Select(w => w ? '1' : '0')))
        };

        Evaluate(engine, s_settings, ToyEngine.Text(83));

        // The first append is the warm-up token.
        Assert.Equal(["1", "00000000111111100000000011111110", "00000000111111100000000011111110", "0000000011111110"], wanted);
        Assert.Equal([16], engine.Sessions.Select(s => s.ContextLength));
        Assert.Equal(2, engine.Sessions[0].Sequences);
        Assert.Equal(32, engine.Sessions[0].BatchTokens);
    }

    [Fact]
    public void Evaluate_SplitsChunk_WhenItIsLongerThanABatch()
    {
        var sizes = new List<int>();
        var engine = new ToyEngine { OnAppend = batch => sizes.Add(batch.Count) };

        Evaluate(engine, s_settings.With("n_batch", 6L).With("chunks", 2L), ToyEngine.Text(83));

        Assert.Equal([1, 6, 6, 4, 6, 6, 4], sizes); // the warm-up token first
        Assert.Equal(["reset", "reset", "reset"], engine.Calls);
        Assert.Equal(1, engine.Sessions[0].Sequences);
    }

    [Fact]
    public void Evaluate_Throws_WhenTextIsTooShort()
    {
        var error = Assert.Throws<RequestException>(() => Evaluate(new ToyEngine(), s_settings, ToyEngine.Text(31)));

        Assert.Contains("31 tokens", error.Message);
        Assert.Contains("at least 32", error.Message);
    }

    [Fact]
    public void Evaluate_Throws_WhenMoreChunksAreAskedForThanThereAre()
    {
        var error = Assert.Throws<RequestException>(() => Evaluate(new ToyEngine(), s_settings.With("chunks", 6L), ToyEngine.Text(83)));

        Assert.Contains("has 5", error.Message);
    }

    [Fact]
    public void Evaluate_Throws_WhenATokenHasNoLogit()
    {
        Assert.Throws<RequestException>(() => Evaluate(new ToyEngine { LogitCount = 20 }, s_settings, ToyEngine.Text(83)));
    }

    [Fact]
    public void Evaluate_Throws_WhenContextIsLongerThanTheModels()
    {
        Assert.Throws<RequestException>(() => Evaluate(new ToyEngine { TrainedContextLength = 8 }, s_settings, ToyEngine.Text(83)));
    }

    [Fact]
    public void Evaluate_CountsAndNamesPositions_WhoseLogitsAreNotFinite()
    {
        EvaluationResult whole = Evaluate(new ToyEngine(), s_settings, ToyEngine.Text(83));

        EvaluationResult result = Evaluate(new ToyEngine { NaNAtAppend = 2 }, s_settings, ToyEngine.Text(83));

        Assert.Equal((1, 35), (Metric(result, "nonfinite_positions").Value, Metric(result, "nonfinite_positions").N));
        Assert.Equal(34, Metric(result, "perplexity").N);
        Assert.Equal($"{Metric(whole, "perplexity").Protocol};nonfinite=1", Metric(result, "perplexity").Protocol); // never held against it
        Assert.Equal(5, Metric(result, "perplexity").Samples!.Length);
        Assert.NotEqual(Metric(whole, "perplexity").Samples![2], Metric(result, "perplexity").Samples![2]);
        Assert.Equal(Metric(whole, "perplexity").Samples![3], Metric(result, "perplexity").Samples![3]);
        Assert.Contains("1 of 35 positions have logits that aren't finite and don't count: chunk 3, position 8",
            Assert.Single(result.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Evaluate_Throws_WhenAChunkHasNoFiniteLogits()
    {
        var error = Assert.Throws<EngineException>(
            () => Evaluate(new ToyEngine { Scale = float.PositiveInfinity }, s_settings, ToyEngine.Text(83)));

        Assert.Contains("chunk 1, position 8", error.Message);
    }

    [Theory]
    [InlineData(-0.01f, false)] // a little better than all alike
    [InlineData(1f, true)]
    public void Evaluate_MarksAPerplexity_ThatIsWorseThanChance(float scale, bool worse)
    {
        EvaluationText text = ToyEngine.Text(83);

        Measurement perplexity = Metric(Evaluate(new ToyEngine { Scale = scale }, s_settings, text), "perplexity");

        Assert.Equal(worse, perplexity.Value > ToyEngine.Vocabulary);
        Assert.Equal(worse, perplexity.IsWorseThanChance);
        if (worse) Assert.Contains("guessing among the 37 tokens gives 37", Assert.Single(perplexity.Notes!.Value));
    }

    [Fact]
    public void Evaluate_Throws_WhenThePerplexityIsBeyondNumbers()
    {
        var error = Assert.Throws<EngineException>(() => Evaluate(new ToyEngine { Scale = 1e4f }, s_settings, ToyEngine.Text(83)));

        Assert.Contains("beyond what a number holds", error.Message);
        Assert.Contains("tokenizer", error.Hint);
    }

    [Fact]
    public void Evaluate_Throws_WhenPerplexityOverflows()
    {
        var error = Assert.Throws<EngineException>(() => Evaluate(new ToyEngine { Shift = 1e30f }, s_settings, ToyEngine.Text(83)));

        Assert.Contains("perplexity", error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Evaluate_MarksThreadsBeyondTheCores_AndRefusesManyMore()
    {
        EvaluationResult shared = Evaluate(new ToyEngine(), s_settings.With("threads", 3L), ToyEngine.Text(83));
        var error = Assert.Throws<UnsupportedException>(() =>
            Evaluate(new ToyEngine(), s_settings.With("threads", 9L), ToyEngine.Text(83)));

        Assert.Contains("3 threads shared 2 usable cores", shared.Notes);
        Assert.Contains("9 threads are asked for, but this process may use 2 cores", error.Message);
    }

    [Fact]
    public void Evaluate_Throws_WhenEngineRunsOnAnotherDevice()
    {
        var error = Assert.Throws<EngineException>(() => Evaluate(new ToyEngine { DeviceUsed = "cuda:0" }, s_settings, ToyEngine.Text(83)));

        Assert.Contains("asked to run on cpu, but runs on cuda:0", error.Message);
    }

    [Fact]
    public void Evaluate_StopsAtNextAppend_WhenCancelled()
    {
        using var source = new CancellationTokenSource();
        int appends = 0;
        var engine = new ToyEngine
        {
            OnAppend = _ =>
            {
                if (++appends == 2) source.Cancel();
            },
        };

        Assert.Throws<OperationCanceledException>(() =>
            Evaluate(engine, s_settings.With("n_batch", 16L), ToyEngine.Text(83), source.Token));
        Assert.Equal(2, appends);
    }
}
