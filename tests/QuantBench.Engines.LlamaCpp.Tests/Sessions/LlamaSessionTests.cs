using QuantBench.Core.Errors;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Synthesis;

namespace QuantBench.Engines.LlamaCpp.Tests.Sessions;

[Collection(LlamaCollection.Name)]
public sealed partial class LlamaSessionTests(LlamaFixture fixture)
{
    // One token and many go through different kernels, which sum in another order; the logits here span about 30.
    private const double KernelTolerance = 0.02;

    private static readonly SyntheticShape s_planned = new()
    {
        Name = "planned",
        Architecture = "llama",
        Layers = 4,
        Embedding = 512,
        FeedForward = 1024,
        Heads = 8,
        KvHeads = 2,
        Vocabulary = 2000,
        ContextLength = 512,
        TiesEmbeddings = false,
    };

    [Theory]
    [InlineData("F32", "f16", 512, 4)]
    [InlineData("Q4_K_M", "q8_0", 256, 1)]
    [InlineData("Q4_0", "f16", 64, 8)]
    [InlineData("Q2_K", "f32", 64, 1)]
    public void Plan_IsWhatTheSessionThenTakes(string scheme, string kvType, int context, int sequences)
    {
        string path = fixture.ScratchFile($"planned-{scheme}.gguf");
        ModelSynthesizer.Write(path, s_planned, scheme, 7, CancellationToken.None);
        Artifact artifact = LlamaFixture.Artifact(path, $"gguf:{scheme}");
        var load = new LoadOptions { Threads = 2 };
        var options = new SessionOptions
        {
            ContextLength = context,
            Sequences = sequences,
            BatchTokens = 512,
            Threads = 2,
            KvType = kvType,
        };

        MemoryPlan plan = fixture.Engine.Plan(artifact, "cpu", load, options, 40)!;

        using ILoadedModel model = fixture.Engine.Load(artifact, "cpu", load, CancellationToken.None);
        using IInferenceSession session = model.CreateSession(options);
        var batch = new TokenBatch();
        for (int i = 0; i < 40; i++) batch.Add(i, 0, true);
        session.Append(batch, CancellationToken.None);
        EngineMemory expected = session.Memory;
        Near(expected.WeightsBytes, plan.Memory.WeightsBytes);
        Near(expected.KvCacheBytes, plan.Memory.KvCacheBytes);
        Near(expected.ComputeBytes, plan.Memory.ComputeBytes);
        Assert.InRange(plan.PagedBytes, 1, plan.Memory.WeightsBytes);

        // The log tells sizes to 0.01 MiB.
        static void Near(long taken, long planned) => Assert.InRange(planned, (0.98 * taken) - 30_000, (1.02 * taken) + 30_000);
    }

    [Fact]
    public void Append_GivesTheSameLogits_WhenTokensComeOneByOne()
    {
        ReadOnlySpan<int> tokens = fixture.Tokens.AsSpan(0, 48);
        using IInferenceSession whole = fixture.Session(64);
        using IInferenceSession single = fixture.Session(64);

        float[][] expected = whole.Rows(TokenBatches.Of(tokens));
        float[][] rows = new float[tokens.Length][];
        for (int i = 0; i < tokens.Length; i++) rows[i] = single.Rows(TokenBatches.Of(tokens.Slice(i, 1)))[0];

        Assert.InRange(TokenBatches.LargestDifference(expected, rows), 0, KernelTolerance);
    }

    [Fact]
    public void Append_PredictsAnotherToken_WhenThePrefixDiffers()
    {
        using IInferenceSession session = fixture.Session(64);
        float[] first = session.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 20)))[^1];
        session.Reset();
        float[] second = session.Rows(TokenBatches.Of([.. fixture.Tokens.AsSpan(500, 19), fixture.Tokens[19]]))[^1];

        Assert.True(TokenBatches.LargestDifference([first], [second]) > 1); // or the cache would not be read at all
    }

    [Fact]
    public void Truncate_LeavesThePrefix_WhenTheTailIsAppendedAgain()
    {
        using IInferenceSession session = fixture.Session(64);
        session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(0, 20)), CancellationToken.None);
        float[][] expected = session.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(20, 12)));

        session.Truncate(0, 20);
        // something else lies in the freed cells for a while
        session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(400, 30)), CancellationToken.None);
        session.Truncate(0, 20);
        float[][] again = session.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(20, 12)));

        Assert.InRange(TokenBatches.LargestDifference(expected, again), 0, 1e-4);
    }

    [Fact]
    public void Truncate_Throws_WhenTheSequenceIsShorter()
    {
        using IInferenceSession session = fixture.Session(64);
        session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(0, 4)), CancellationToken.None);

        Assert.Throws<ArgumentOutOfRangeException>(() => session.Truncate(0, 5));
    }

    [Fact]
    public void Reset_EmptiesTheCache_WhenOtherTokensCameBefore()
    {
        using IInferenceSession used = fixture.Session(64);
        using IInferenceSession fresh = fixture.Session(64);
        used.Append(TokenBatches.Of(fixture.Tokens.AsSpan(300, 60)), CancellationToken.None);
        used.Reset();

        float[][] rows = used.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 32)));

        Assert.Equal(0, TokenBatches.LargestDifference(fresh.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 32))), rows));
    }

    [Fact]
    public void Append_KeepsSequencesApart_WhenTheyAreInterleaved()
    {
        using IInferenceSession both = fixture.Session(64, sequences: 2);
        var batch = new TokenBatch();
        for (int i = 0; i < 24; i++)
        {
            batch.Add(fixture.Tokens[i], 0, logitsWanted: true);
            batch.Add(fixture.Tokens[600 + i], 1, logitsWanted: true);
        }

        float[][] rows = both.Rows(batch);

        using IInferenceSession alone = fixture.Session(64);
        float[][] first = alone.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 24)));
        alone.Reset();
        float[][] second = alone.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(600, 24)));
        Assert.InRange(TokenBatches.LargestDifference(first, [.. rows.Where((_, i) => i % 2 == 0)]), 0, KernelTolerance);
        Assert.InRange(TokenBatches.LargestDifference(second, [.. rows.Where((_, i) => i % 2 == 1)]), 0, KernelTolerance);
    }

    [Fact]
    public void Append_GivesRowsOnlyForWantedTokens_WhenOthersAreMixedIn()
    {
        using IInferenceSession session = fixture.Session(64);
        float[][] all = session.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 10)));
        session.Reset();
        var batch = new TokenBatch();
        for (int i = 0; i < 10; i++) batch.Add(fixture.Tokens[i], 0, logitsWanted: i is 3 or 8);

        float[][] rows = session.Rows(batch);

        Assert.InRange(TokenBatches.LargestDifference([all[3], all[8]], rows), 0, 1e-3);
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Logits(2).Length);
    }

    [Fact]
    public void Append_Throws_WhenATokenIsOutsideTheVocabulary()
    {
        using IInferenceSession session = fixture.Session(64);

        EngineException low = Assert.Throws<EngineException>(() => session.Append(TokenBatches.Of([-1]), CancellationToken.None));
        EngineException high = Assert.Throws<EngineException>(() => session.Append(TokenBatches.Of([4096]), CancellationToken.None));

        Assert.Contains("-1", low.Message, StringComparison.Ordinal);
        Assert.Contains("vocabulary of 4096", high.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Append_Throws_WhenTheContextIsFull()
    {
        using IInferenceSession session = fixture.Session(40); // llama.cpp itself pads this to 256
        session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(0, 40)), CancellationToken.None);

        EngineException e =
            Assert.Throws<EngineException>(() => session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(40, 1)), CancellationToken.None));

        Assert.Contains("context of 40", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Append_Throws_WhenTheBatchIsTooLargeOrEmptyOrNamesNoSequence()
    {
        using IInferenceSession session = fixture.Session(64, batchTokens: 8);

        Assert.Throws<ArgumentException>(() => session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(0, 9)), CancellationToken.None));
        Assert.Throws<ArgumentException>(() => session.Append(new TokenBatch(), CancellationToken.None));
        Assert.Throws<ArgumentException>(() =>
            session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(0, 1), sequence: 1), CancellationToken.None));
    }

    [Fact]
    public void CreateSession_Works_WhenThereAreMoreSequencesThanBatchTokens()
    {
        using IInferenceSession session = fixture.Session(16, sequences: 8, batchTokens: 4); // native code would abort the process

        Assert.Single(session.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 1), sequence: 7)));
    }

    [Fact]
    public void CreateSession_Throws_WhenThereAreTooManySequences()
    {
        UnsupportedException e = Assert.Throws<UnsupportedException>(() => fixture.Session(16, sequences: 100_000));

        Assert.Contains("at most", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Append_ThrowsCancelled_WhenTheTokenIsCancelledWhileItComputes()
    {
        using var source = new CancellationTokenSource();
        using IInferenceSession session = fixture.Session(2048);
        source.CancelAfter(TimeSpan.FromMilliseconds(20));

        OperationCanceledException e = Assert.Throws<OperationCanceledException>(() =>
        {
            for (int i = 0; i < 10_000; i++) // ends by cancellation, whether it comes within a computation or between two
            {
                session.Reset();
                session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(0, 2048)), source.Token);
            }
        });

        Assert.Equal(source.Token, e.CancellationToken);
    }

    [Theory]
    [InlineData("f32")]
    [InlineData("f16")]
    [InlineData("bf16")]
    [InlineData("q8_0")]
    [InlineData("q5_1")]
    [InlineData("q5_0")]
    [InlineData("q4_1")]
    [InlineData("q4_0")]
    [InlineData("iq4_nl")]
    public void CreateSession_TakesKvTypes_AndShrinksTheCacheAsTheyAre(string kvType)
    {
        using IInferenceSession plain = fixture.Session(512);
        using IInferenceSession session = fixture.Session(512, kvType: kvType);

        float[][] expected = plain.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 64)));
        float[][] rows = session.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 64)));

        double bits = kvType switch
        {
            "f32" => 32,
            "f16" or "bf16" => 16,
            "q8_0" => 8.5,
            "q5_1" => 6,
            "q5_0" => 5.5,
            "q4_1" => 5,
            _ => 4.5
        };
        long values = 512L * 6 * 2 * 2 * 64; // cells × layers × (K and V) × KV heads × head size
        Assert.InRange(session.Memory.KvCacheBytes, (values * bits / 8) - 10_486, (values * bits / 8) + 10_486); // logged to 0.01 MiB
        double nllPlain = Enumerable.Range(0, 63).Average(i => TokenBatches.Nll(expected[i], fixture.Tokens[i + 1]));
        double nll = Enumerable.Range(0, 63).Average(i => TokenBatches.Nll(rows[i], fixture.Tokens[i + 1]));
        Assert.InRange(nll, nllPlain - 0.2, nllPlain + 0.2);
        // llama.cpp's flash attention casts an f32 cache to f16 before it reads it, so f32 costs memory and changes nothing.
        if (kvType is not ("f16" or "f32")) Assert.NotEqual(expected[^1], rows[^1]);
    }

    [Theory]
    [InlineData("q8_0", "f16", 8.5, 16)]
    [InlineData("f16", "q4_0", 16, 4.5)]
    [InlineData("q8_0", "q5_1", 8.5, 6)]
    public void CreateSession_TakesKeysAndValuesApart(string keys, string values, double keyBits, double valueBits)
    {
        using IInferenceSession plain = fixture.Session(512);
        using IInferenceSession session = fixture.Session(512, kvType: keys, valueType: values);

        float[][] expected = plain.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 64)));
        float[][] rows = session.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 64)));

        double each = 512L * 6 * 2 * 64 / 8.0; // cells × layers × KV heads × head size, in bytes of one bit
        Assert.InRange(session.Memory.KvCacheBytes, (each * (keyBits + valueBits)) - 10_486, (each * (keyBits + valueBits)) + 10_486);
        Assert.NotEqual(expected[^1], rows[^1]);
        double moved = TokenBatches.Nll(rows[^1], fixture.Tokens[64]) - TokenBatches.Nll(expected[^1], fixture.Tokens[64]);
        Assert.InRange(moved, -0.5, 0.5);
    }

    [Fact]
    public void CreateSession_TakesQuantizedKeysWithoutFlashAttention_AndNoSuchValues()
    {
        using IInferenceSession session = fixture.Session(64, kvType: "q8_0", valueType: "f16", flashAttention: "off");

        Assert.Contains("flash attention",
            Assert.Throws<UnsupportedException>(() => fixture.Session(64, kvType: "f16", valueType: "q8_0", flashAttention: "off")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void CreateSession_Throws_WhenAQuantizedCacheMeetsNoFlashAttention()
    {
        UnsupportedException e =
            Assert.Throws<UnsupportedException>(() => fixture.Session(64, kvType: "q8_0", flashAttention: "off"));

        Assert.Contains("flash attention", e.Message, StringComparison.Ordinal);
        Assert.NotNull(e.Hint);
    }

    [Fact]
    public void CreateSession_Throws_WhenSettingsAreUnknown()
    {
        Assert.Contains("kv_type", Assert.Throws<EngineException>(() => fixture.Session(64, kvType: "q3_k")).Message,
            StringComparison.Ordinal);
        Assert.Contains("flash_attention", Assert.Throws<EngineException>(() => fixture.Session(64, flashAttention: "yes")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void CreateSession_HonoursFlashAttention_AndBothWaysAgree()
    {
        fixture.LogLines.Clear();
        using IInferenceSession on = fixture.Session(512, flashAttention: "on");
        using IInferenceSession off = fixture.Session(512, flashAttention: "off");
        string[] lines = [.. fixture.LogLines.Where(l => l.Contains("flash_attn  ", StringComparison.Ordinal))];

        float[][] withFlash = on.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 64)));
        float[][] without = off.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 64)));

        Assert.InRange(TokenBatches.LargestDifference(withFlash, without), 1e-9, 0.1); // close, and not the same code
        Assert.Equal(2, lines.Length);
        Assert.EndsWith("enabled", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("disabled", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_CountsWeightsCacheAndBuffers()
    {
        using IInferenceSession small = fixture.Session(256);
        using IInferenceSession large = fixture.Session(512, sequences: 4);

        Assert.InRange(small.Memory.WeightsBytes, 22_000_000, 24_000_000); // 5,770,496 weights in F32, mapped once
        Assert.Equal(small.Memory.WeightsBytes, large.Memory.WeightsBytes);
        Assert.Equal(8.0, (double)large.Memory.KvCacheBytes / small.Memory.KvCacheBytes, 2);
        Assert.InRange(small.Memory.ComputeBytes, 1_000_000, 100_000_000);
        Assert.Null(small.Memory.DeviceBytes);
    }

    [Fact]
    public void Memory_CountsTheOutputRows_WhenMoreLogitsAreWanted()
    {
        using IInferenceSession session = fixture.Session(256);
        long before = session.Memory.ComputeBytes;

        session.Append(TokenBatches.Of(fixture.Tokens.AsSpan(0, 101)), CancellationToken.None);

        Assert.Equal(before + (100L * 4096 * sizeof(float)), session.Memory.ComputeBytes);
    }
}
