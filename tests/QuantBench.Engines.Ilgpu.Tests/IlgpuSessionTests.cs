using ILGPU;
using ILGPU.Runtime;
using QuantBench.Core.Errors;
using QuantBench.DeviceCheck;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Engines.Ilgpu.Tests.Kernels;
using QuantBench.Engines.Managed;
using QuantBench.Engines.Managed.Tests;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Graphs;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Engines.Ilgpu.Tests;

/// <summary>
/// Whole models on the devices of this machine against the managed engine, and the reference model against llama-perplexity. Where only
/// ILGPU's simulation is here, a tiny model runs; <c>tests/opencl/run.sh</c> brings an OpenCL device for the rest.
/// </summary>
public sealed class IlgpuSessionTests(KernelTests.OpenDevices devices) : IClassFixture<KernelTests.OpenDevices>
{
    // Running perplexity of llama-perplexity v0.5.0 -c 512 on the F32 reference model after each chunk of the test split of sotu.
    private static readonly double[] s_llamaCppF32 = [42.9411, 35.1329];

    public static TheoryData<string, string, int> Architectures()
    {
        var cases = new TheoryData<string, string, int>();
        if (Present.Fast.Length == 0)
        {
            cases.Add("cpu", "llama-tiny", 6);
            cases.Add("cpu", "granite-tiny", 6);
            cases.Add("cpu", "olmo2-tiny", 6);
            cases.Add("cpu", "command-r-tiny", 6);
            cases.Add("cpu", "starcoder2-tiny", 6);
            cases.Add("cpu", "nemotron-tiny", 6);
            cases.Add("cpu", "gptoss-tiny", 6);
            cases.Add("cpu", "mistral3-tiny", 8);
            cases.Add("cpu", "olmoe-tiny", 6);
        }

        foreach (string device in Present.Fast)
        {
            foreach (string name in (string[])
                ["llama", "llama-factors", "llama-yarn", "granite", "qwen2", "qwen3", "phi3", "gemma2", "gemma3", "olmo2", "olmo2-window",
                    "mistral3", "glm4", "command-r", "cohere2", "starcoder2", "nemotron", "exaone4", "llama-experts", "qwen2moe",
                    "qwen3moe", "gptoss", "olmoe", "granitemoe"])
                cases.Add(device, name, 90);
        }

        return cases;
    }

    [Theory]
    [InlineData("llama", "F16")]
    [InlineData("llama", "Q4_K_M")]
    [InlineData("qwen3", "Q8_0")]
    public void Plan_IsWhatTheSessionThenTakes(string name, string scheme)
    {
        Artifact artifact = Models.Artifact(Models.Random(name, scheme));
        var options = new SessionOptions { ContextLength = 256, Sequences = 2, Threads = 1, BatchTokens = 64, MicroBatchTokens = 32 };
        using var engine = new IlgpuEngine();

        MemoryPlan plan = engine.Plan(artifact, "cpu", new LoadOptions { Threads = 1 }, options, 1)!;

        using ILoadedModel model = Models.Load(engine, artifact.Path, "cpu");
        using IInferenceSession session = model.CreateSession(options);
        Assert.Equal(session.Memory.KvCacheBytes, plan.Memory.KvCacheBytes);
        Assert.InRange(plan.Memory.WeightsBytes, 0.98 * session.Memory.WeightsBytes, 1.02 * session.Memory.WeightsBytes);
        Assert.InRange(plan.Memory.ComputeBytes, 0.99 * session.Memory.ComputeBytes, 1.01 * session.Memory.ComputeBytes);
    }

    // 90 tokens: longer than gemma's window of 40, and than a block of keys on devices with groups of 64.
    [Theory]
    [MemberData(nameof(Architectures))]
    public void Logits_AreTheManagedEngines_InF32(string device, string name, int count)
    {
        string path = Models.Random(name, "F32");
        int[] tokens = Models.Tokens(count, Models.Shape(name).Vocabulary);
        float[][] expected = Models.Expected(path, tokens);

        // On a device that all cases share: to open one and compile for it takes longer than they do.
        TestDevice open = devices.Get(device);
        using var file = new ModelWeights(ModelFile.Open(path));
        using var weights = new DeviceWeights(open.Memory, file, CancellationToken.None);
        using var session = new IlgpuSession(open.Memory, open.Kernels, weights, new SessionOptions { ContextLength = 256, Threads = 2 });

        float[][] logits = Models.Run(session, tokens);

        for (int t = 0; t < count; t++)
        {
            // Keys and values are rounded to halves on either side; a last bit of theirs moves logits by no more than this.
            for (int i = 0; i < logits[t].Length; i++) Assert.InRange(logits[t][i] - expected[t][i], -3e-3, 3e-3);
        }
    }

    // Act-order is decoded to floats at load; the others meet inputs of 8 bits, which moves logits more than a last bit of the cache.
    [Theory]
    [InlineData("gptq", 0.06)]
    [InlineData("gptq-act-order", 3e-3)]
    [InlineData("awq", 0.06)]
    public void Logits_AreTheManagedEngines_OnPackedDirectories(string format, double tolerance)
    {
        const int count = 12;
        (string packed, _) = PackedWeights.Write(format);
        Artifact artifact = Managed.Tests.Models.Artifact(packed);
        using var managed = new ManagedEngine();
        using ILoadedModel reference = managed.Load(artifact, "scalar", new LoadOptions { Threads = 2 }, CancellationToken.None);
        int[] tokens = Models.Tokens(count, reference.VocabularySize);
        using IInferenceSession plain = Models.Session(reference, context: 32);
        float[][] expected = Models.Run(plain, tokens);
        foreach (string device in Present.Fast)
        {
            using var engine = new IlgpuEngine();
            Assert.True(engine.CanRun(artifact, device).IsSupported);
            using ILoadedModel model = engine.Load(artifact, device, new LoadOptions { Threads = 2 }, CancellationToken.None);
            using IInferenceSession session = Models.Session(model, context: 32);

            float[][] logits = Models.Run(session, tokens);

            float range = expected.Max(row => row.Max()) - expected.Min(row => row.Min());
            for (int t = 0; t < count; t++)
            {
                for (int i = 0; i < logits[t].Length; i++)
                    Assert.InRange(logits[t][i] - expected[t][i], -tolerance * range, tolerance * range);
            }
        }
    }

    [Fact]
    public void Decoding_AllocatesNothing_ButForTheRuntimesCopies()
    {
        // What ILGPU makes to wrap the host's memory, for the copy of tokens in and that of logits out; launches make nothing.
        const long copies = 2 * 80;
        const int steps = 32;
        // Not on ILGPU's simulation of a device, which makes tasks of its own at every launch.
        foreach (string device in Present.Fast)
        {
            using var engine = new IlgpuEngine();
            using ILoadedModel model = Models.Load(engine, Models.Random("llama", "Q8_0"), device);
            using IInferenceSession session = Models.Session(model, context: 256);
            var one = new TokenBatch();
            one.Add(1, 0, true);
            long appended = Least(session, () =>
            {
                for (int i = 0; i < steps; i++) session.Append(one, CancellationToken.None);
            });
            Assert.InRange(appended, 0, copies * steps);

            // Tokens that the device feeds back to itself cost the host nothing: twice as many allocate as much, but for the array of them.
            int[] few = new int[steps], many = new int[2 * steps];
            long shorter = Least(session, () => ((IlgpuSession)session).Generate([1], few, CancellationToken.None));
            long longer = Least(session, () => ((IlgpuSession)session).Generate([1], many, CancellationToken.None));
            Assert.InRange(longer - shorter, 0, (sizeof(int) * steps) + 8);
        }

        // The first ones compile and fill caches.
        static long Least(IInferenceSession session, Action work)
        {
            long least = long.MaxValue;
            for (int k = 0; k < 3; k++)
            {
                session.Reset();
                long before = GC.GetAllocatedBytesForCurrentThread();
                work();
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }

            return least;
        }
    }

    [Fact]
    public void Compile_NamesDeviceAndCause_WhenAKernelIsRefused()
    {
        foreach (string device in Present.Fast)
        {
            // A context of its own: none compiles anything after a failure.
            using var open = new TestDevice(device);

            EngineException thrown =
                Assert.Throws<EngineException>(() => open.Memory.Compile<Action<AcceleratorStream, KernelConfig, ArrayView<int>>>(Refused));

            Assert.Contains($"ilgpu/{device}: a kernel did not compile", thrown.Message);
            Assert.NotNull(thrown.InnerException);
        }

        // Code that ILGPU can't translate for any device.
        static void Refused(ArrayView<int> view) => view[0] = new string('x', view.IntLength).Length;
    }

    [Fact]
    public void Append_GivesTheSameLogits_HoweverTokensAreCutAndMixed()
    {
        foreach (string device in Present.Best)
        {
            (string name, int count) = device == "cpu" ? ("llama-tiny", 5) : ("llama", 23);
            string path = Models.Random(name, "F32");
            int[] tokens = Models.Tokens(count, Models.Shape(name).Vocabulary);
            using var engine = new IlgpuEngine();
            using ILoadedModel model = Models.Load(engine, path, device);
            using IInferenceSession session = Models.Session(model, context: 32, sequences: 3, microBatch: 8);
            float[][] whole = Models.Run(session, tokens, sequence: 1);

            // Another sequence's tokens in between, only some logits wanted, then a cut back to a prefix.
            session.Reset();
            var batch = new TokenBatch();
            for (int i = 0; i < count; i++)
            {
                batch.Add(tokens[i], 2, i == count - 1);
                batch.Add(tokens[count - 1 - i], 0, false);
            }

            session.Append(batch, CancellationToken.None);
            AssertNear(whole[^1], session.Logits(0));
            session.Truncate(2, 2);
            float[][] again = Models.Run(session, tokens.AsSpan(2), sequence: 2);
            for (int i = 2; i < count; i++) AssertNear(whole[i], again[i - 2]);
        }
    }

    [Fact]
    public void Greedy_IsTheManagedEngines_For128Tokens()
    {
        int[] prompt = Models.Tokens(16, 4096);
        foreach (string device in Present.Fast)
        {
            string path = Models.Reference(GgmlType.F32);
            int[] generated = new int[128];
            using var engine = new IlgpuEngine();
            using ILoadedModel model = Models.Load(engine, path, device);
            using (IInferenceSession session = Models.Session(model)) ((IlgpuSession)session)
                .Generate(prompt, generated, CancellationToken.None);

            using var managed = new ManagedEngine();
            using ILoadedModel reference = Models.Load(managed, path, "scalar");
            using IInferenceSession expected = Models.Session(reference);
            float[] last = Models.Run(expected, prompt)[^1];
            for (int i = 0; i < generated.Length; i++)
            {
                int best = Array.IndexOf(last, last.Max());
                Assert.True(best == generated[i], $"{device}: token {i} is {generated[i]}, the managed engine says {best}");
                last = Models.Run(expected, [best])[0];
            }
        }
    }

    [Fact]
    public void Generate_LeavesASessionThatGoesOn()
    {
        foreach (string device in Present.Best)
        {
            using var engine = new IlgpuEngine();
            using ILoadedModel model = Models.Load(engine, Models.Random("llama-tiny", "F32"), device);
            using IInferenceSession session = Models.Session(model, context: 16);
            int[] generated = new int[3];
            ((IlgpuSession)session).Generate([1, 2], generated, CancellationToken.None);
            float[] after = Models.Run(session, [5])[0];

            session.Reset();
            float[] expected = Models.Run(session, [1, 2, .. generated, 5])[^1];
            AssertNear(expected, after);
            Assert.Throws<EngineException>(() => ((IlgpuSession)session).Generate([1], new int[99], CancellationToken.None));
        }
    }

    [NpmFact(NpmPackage.Texts)]
    public void Perplexity_IsLlamaCpps_ChunkByChunk()
    {
        const int chunkTokens = 512;
        const double tolerance = 1e-4;
        string path = Models.Reference(GgmlType.F32);
        foreach (string device in Present.Fast)
        {
            int[] tokens = ModelSource.OpenTokenizer(ModelSource.Open(path)).Encode(ReferenceText.Sotu()[..20_000]);
            using var engine = new IlgpuEngine();
            using ILoadedModel model = Models.Load(engine, path, device);
            using IInferenceSession session = Models.Session(model, context: chunkTokens);
            double sum = 0;
            for (int chunk = 0; chunk < s_llamaCppF32.Length; chunk++)
            {
                session.Reset();
                float[][] logits = Models.Run(session, tokens.AsSpan(chunk * chunkTokens, chunkTokens));
                for (int i = chunkTokens / 2; i < chunkTokens - 1; i++)
                    sum -= Models.LogProbability(logits[i], tokens[(chunk * chunkTokens) + i + 1]);
                double perplexity = Math.Exp(sum / ((chunk + 1) * ((chunkTokens / 2) - 1)));
                Assert.InRange(perplexity / s_llamaCppF32[chunk], 1 - tolerance, 1 + tolerance);
            }
        }
    }

    [Fact]
    public void CreateSession_SaysWhatDidNotFit_WhenTheDeviceHasTooLittleMemory()
    {
        foreach (string device in Present.Fast)
        {
            using var engine = new IlgpuEngine();
            using ILoadedModel model = Models.Load(engine, Models.Random("llama-tiny", "F32"), device);

            EngineException thrown = Assert.Throws<EngineException>(() => Models.Session(model, context: int.MaxValue));

            Assert.Contains("no memory for the KV cache", thrown.Message);
            Assert.Contains($"ilgpu/{device}", thrown.Message);
        }
    }

    [Fact]
    public void Append_SaysThatTheDeviceIsGone_WhenItDisappears()
    {
        foreach (string device in Present.Fast)
        {
            var engine = new IlgpuEngine();
            ILoadedModel model = Models.Load(engine, Models.Random("llama-tiny", "F32"), device);
            IInferenceSession session = Models.Session(model, context: 16);
            ((IlgpuModel)model).Device.Accelerator.Dispose();

            EngineException thrown = Assert.Throws<EngineException>(() => Models.Run(session, [1, 2]));

            Assert.Contains("disappeared", thrown.Message);
            Assert.Contains("can't be used any more", Assert.Throws<EngineException>(() => Models.Run(session, [1])).Message);
        }
    }

    [Fact]
    public void CreateSession_RefusesOtherCacheTypes()
    {
        using var engine = new IlgpuEngine();
        using ILoadedModel model = Models.Load(engine, Models.Random("llama-tiny", "F32"), "cpu");

        Assert.Contains("q8_0", Assert.Throws<UnsupportedException>(() => Models.Session(model, kvType: "q8_0")).Message);
    }

    private static void AssertNear(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        for (int i = 0; i < expected.Length; i++) Assert.InRange(actual[i] - expected[i], -2e-3, 2e-3);
    }
}
