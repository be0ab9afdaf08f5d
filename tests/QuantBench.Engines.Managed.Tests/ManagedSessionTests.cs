using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Managed.Tests;

public sealed class ManagedSessionTests
{
    private static readonly int[] s_tokens = Models.Tokens(90, 300);

    public static TheoryData<string> Devices => [.. Models.Devices];

    [Theory]
    [MemberData(nameof(Devices))]
    public void Append_GivesTheSameBits_WhateverTheThreadsAndHoweverOften(string device)
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "Q4_K_M"), device);
        using IInferenceSession one = Models.Session(model);
        using IInferenceSession three = Models.Session(model, threads: 3);
        float[][] expected = Models.Run(one, s_tokens.AsSpan(0, 40));

        for (int repeat = 0; repeat < 3; repeat++)
        {
            three.Reset();
            float[][] actual = Models.Run(three, s_tokens.AsSpan(0, 40));
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void Append_GivesTheSameLogits_HoweverTheTokensAreCut(string device)
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "F32"), device);
        using IInferenceSession whole = Models.Session(model);
        using IInferenceSession cut = Models.Session(model, threads: 2, microBatch: 17);
        float[][] expected = Models.Run(whole, s_tokens);

        float[][] actual = [.. Models.Run(cut, s_tokens.AsSpan(0, 70)), .. Models.Run(cut, s_tokens.AsSpan(70, 1)),
            .. Models.Run(cut, s_tokens.AsSpan(71))];

        for (int i = 0; i < expected.Length; i++) Near(expected[i], actual[i], 1e-4f);
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void Append_KeepsSequencesApart_WhenTheyShareABatch(string device)
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "F32"), device);
        using IInferenceSession alone = Models.Session(model);
        using IInferenceSession shared = Models.Session(model, threads: 2, sequences: 3);
        var batch = new TokenBatch();
        for (int i = 0; i < 20; i++)
        {
            for (int sequence = 0; sequence < 3; sequence++) batch.Add(s_tokens[(30 * sequence) + i], sequence, i == 19);
        }

        shared.Append(batch, CancellationToken.None);

        for (int sequence = 0; sequence < 3; sequence++)
        {
            alone.Reset();
            Near(Models.Run(alone, s_tokens.AsSpan(30 * sequence, 20))[^1], shared.Logits(sequence), 1e-4f);
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void Plan_IsWhatTheSessionThenTakes(string device)
    {
        foreach ((string scheme, int sequences, string keys, string values, int threads) in new[]
            { ("F32", 1, "f16", "f16", 1), ("Q4_K_M", 3, "q8_0", "f16", 2), ("Q8_0", 2, "f32", "q4_0", 2) })
        {
            using var engine = new ManagedEngine();
            var artifact = Models.Artifact(Models.Path(Models.Llama, scheme));
            var load = new LoadOptions { Threads = threads };
            var options = new SessionOptions
            {
                ContextLength = 64,
                Sequences = sequences,
                Threads = threads,
                BatchTokens = 64,
                MicroBatchTokens = 32,
                KvType = keys,
                KvTypeOfValues = values,
            };

            MemoryPlan plan = engine.Plan(artifact, device, load, options, 20)!;

            using ILoadedModel model = engine.Load(artifact, device, load, CancellationToken.None);
            using IInferenceSession session = model.CreateSession(options);
            var batch = new TokenBatch();
            for (int i = 0; i < 20; i++) batch.Add(s_tokens[i], 0, true);
            session.Append(batch, CancellationToken.None);
            Assert.Equal(session.Memory, plan.Memory);
            Assert.InRange(plan.PagedBytes, 0, plan.Memory.WeightsBytes);
        }
    }

    /// <summary>One weight of one layer reaches all logits of the tokens behind it.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void Append_GivesNoFiniteLogits_WhenAWeightIsNot(string device)
    {
        foreach ((string scheme, string tensor) in new[] { ("F16", "blk.1.ffn_down"), ("F16", "blk.1.attn_k"), ("BF16", "blk.1.ffn_down"),
            ("Q4_K_M", "blk.1.ffn_gate"), ("Q8_0", "blk.1.attn_k") })
        {
            foreach (ushort bits in scheme == "BF16" ? new ushort[] { 0x7F80, 0xFFC1 } : [0x7C00, 0xFE01])
            {
                string path = Models.ScratchFile($"special-{scheme}-{tensor}-{bits}-{device}.gguf");
                File.Copy(Models.Path(Models.Llama, scheme), path, overwrite: true);
                long at;
                using (GgufReader reader = GgufReader.Open(path)) at = reader.Find($"{tensor}.weight")!.Offset; // in every llama
                using (FileStream file = File.OpenWrite(path))
                {
                    file.Position = at;
                    file.Write(BitConverter.GetBytes(bits));
                }

                foreach (string kvType in new[] { "f16", "q8_0", "q5_1", "q4_0" })
                {
                    using ILoadedModel model = Models.Load(path, device);
                    using IInferenceSession session = Models.Session(model, kvType: kvType);

                    float[][] many = Models.Run(session, s_tokens.AsSpan(0, 12));
                    float[][] one = Models.Run(session, s_tokens.AsSpan(12, 1));

                    Assert.All([.. many, .. one], logits => Assert.DoesNotContain(logits, float.IsFinite));
                }
            }
        }
    }

    [Fact]
    public void Append_ReturnsOnlyWantedLogits_InOrder()
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "F32"), Models.Devices[^1]);
        using IInferenceSession session = Models.Session(model, microBatch: 16);
        float[][] all = Models.Run(session, s_tokens.AsSpan(0, 50));
        session.Reset();
        var batch = new TokenBatch();
        for (int i = 0; i < 50; i++) batch.Add(s_tokens[i], 0, i is 3 or 31 or 49);

        session.Append(batch, CancellationToken.None);

        Near(all[3], session.Logits(0), 1e-4f);
        Near(all[31], session.Logits(1), 1e-4f);
        Near(all[49], session.Logits(2), 1e-4f);
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Logits(3).Length);
    }

    [Fact]
    public void Truncate_ForgetsWhatFollowed()
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "F32"), Models.Devices[^1]);
        using IInferenceSession session = Models.Session(model);
        float[] expected = Models.Run(session, s_tokens.AsSpan(0, 40))[^1];
        Models.Run(session, s_tokens.AsSpan(40, 30));

        session.Truncate(0, 39);

        Near(expected, Models.Run(session, s_tokens.AsSpan(39, 1))[0], 1e-4f);
    }

    [Fact]
    public void Append_RoundsMore_WithFewerBits_AndKeysAndValuesApart()
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "F32"), Models.Devices[^1]);
        using IInferenceSession exact = Models.Session(model);
        float[] expected = Models.Run(exact, s_tokens)[^1];
        double Distance(string keys, string values)
        {
            using IInferenceSession session = Models.Session(model, kvType: keys, valueType: values);
            float[] row = Models.Run(session, s_tokens)[^1];
            return Math.Sqrt(row.Zip(expected, (a, b) => Math.Pow(a - b, 2)).Sum());
        }

        string[] types = ["f16", "q8_0", "q5_1", "q4_1"]; // each of a finer grid than the next
        double[] both = [.. types.Select(t => Distance(t, t))];

        Assert.Equal(both.Order(), both);
        Assert.True(both[0] > 0);
        Assert.Equal(both[1], Distance("q8_0", "q8_0"));
        (double keys, double values) = (Distance("q4_1", "f16"), Distance("f16", "q4_1"));
        Assert.NotEqual(keys, values);
        Assert.All([keys, values], d => Assert.InRange(d, both[0] * 2, both[3] * 1.5));
        long keyBytes = Bytes("q8_0", "f32"), valueBytes = Bytes("f32", "q8_0");
        Assert.Equal(keyBytes, valueBytes);
        Assert.Equal(Bytes("f32", "f32") + Bytes("q8_0", "q8_0"), keyBytes + valueBytes);

        long Bytes(string k, string v)
        {
            using IInferenceSession session = Models.Session(model, kvType: k, valueType: v);
            return session.Memory.KvCacheBytes;
        }
    }

    [Theory]
    [InlineData("f16", 2e-2f)]
    [InlineData("q8_0", 2e-1f)]
    public void Append_StaysNearF32_WhenTheCacheIsSmaller(string kvType, float tolerance)
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "F32"), Models.Devices[^1]);
        using IInferenceSession exact = Models.Session(model);
        using IInferenceSession small = Models.Session(model, kvType: kvType);

        Near(Models.Run(exact, s_tokens)[^1], Models.Run(small, s_tokens)[^1], tolerance);
        Assert.True(small.Memory.KvCacheBytes < exact.Memory.KvCacheBytes * 0.51);
    }

    [Fact]
    public void Append_AllocatesNothing_WhenDecoding()
    {
        foreach (string scheme in new[] { "Q4_K_M", "Q8_0", "F16" })
        {
            using ILoadedModel model = Models.Load(Models.Path(Models.Llama, scheme), Models.Devices[^1]);
            foreach (int threads in new[] { 1, 2 })
            {
                using IInferenceSession session = Models.Session(model, threads: threads, kvType: "f16");
                var batch = new TokenBatch();
                batch.Add(1, 0, true);
                for (int i = 0; i < 40; i++) session.Append(batch, CancellationToken.None);
                long before = GC.GetAllocatedBytesForCurrentThread();

                for (int i = 0; i < 100; i++) session.Append(batch, CancellationToken.None);

                // All workers run the same code; the calling thread is one of them.
                Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
            }
        }
    }

    [Fact]
    public void Append_RefusesBadBatches_BeforeAnythingChanges()
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "F32"), Models.Devices[^1]);
        using IInferenceSession session = Models.Session(model, context: 8);
        float[] expected = Models.Run(session, s_tokens.AsSpan(0, 5))[^1];
        session.Truncate(0, 4);

        Assert.Throws<EngineException>(() => Models.Run(session, s_tokens.AsSpan(0, 5)));
        Assert.Throws<EngineException>(() => Models.Run(session, [300]));
        Assert.Throws<EngineException>(() => Models.Run(session, [-1]));
        Assert.Throws<EngineException>(() => Models.Run(session, [1], sequence: 1));

        Near(expected, Models.Run(session, s_tokens.AsSpan(4, 1))[0], 1e-4f);
    }

    [Fact]
    public void Append_Stops_WhenCancelled()
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "F32"), Models.Devices[^1]);
        using IInferenceSession session = Models.Session(model, threads: 2);
        var batch = new TokenBatch();
        batch.Add(1, 0, true);

        Assert.Throws<OperationCanceledException>(() => session.Append(batch, new CancellationToken(canceled: true)));
        Assert.Throws<EngineException>(() => session.Append(batch, CancellationToken.None));
    }

    [Fact]
    public void Memory_CountsWeightsCacheAndBuffers()
    {
        using ILoadedModel model = Models.Load(Models.Path(Models.Llama, "F32"), Models.Devices[^1]);
        using IInferenceSession session = Models.Session(model, context: 128, sequences: 2);

        Assert.Equal(model.ParameterCount * 4, session.Memory.WeightsBytes);
        Assert.Equal(2L * 3 * 128 * 2 * 64 * 4, session.Memory.KvCacheBytes);
        Assert.True(session.Memory.ComputeBytes > 0);
        Assert.Null(session.Memory.DeviceBytes);
    }

    private static void Near(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], tolerance);
    }
}
