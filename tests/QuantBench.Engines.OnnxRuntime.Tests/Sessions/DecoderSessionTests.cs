using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Models;
using QuantBench.Engines.OnnxRuntime.Native;
using QuantBench.Engines.OnnxRuntime.Sessions;
using QuantBench.Engines.OnnxRuntime.Tests.Export;
using QuantBench.Inference.Engines;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests.Sessions;

[Collection(ExportCollection.Name)]
public sealed class DecoderSessionTests(ExportFixture fixture)
{
    private const int Vocabulary = 4096;

    [Theory]
    [InlineData("fp32")] // the cache is one buffer
    [InlineData("fp32-plain")] // the graph copies the cache
    [InlineData("fp16")] // 16-bit logits and cache
    [InlineData("int4-b32-a0")]
    public void Append_WithCache_EqualsTheWholeSequenceAtOnce(string recipe)
    {
        using ILoadedModel model = OnnxModels.Load(fixture.Artifact($"onnx:{recipe}"));
        ReadOnlySpan<int> tokens = fixture.Tokens.AsSpan(200, 40);
        using IInferenceSession whole = OnnxModels.Session(model);
        using IInferenceSession pieces = OnnxModels.Session(model);

        float[] atOnce = OnnxModels.Append(whole, tokens);
        List<float> inPieces = [.. OnnxModels.Append(pieces, tokens[..17]), .. OnnxModels.Append(pieces, tokens[17..25])];
        for (int i = 25; i < tokens.Length; i++) inPieces.AddRange(OnnxModels.Append(pieces, tokens.Slice(i, 1)));

        // Halves are exact to 2⁻¹¹ of what they round.
        Assert.InRange(Tests.Export.Rows.MaxRelative(atOnce, [.. inPieces], Vocabulary), 0, recipe == "fp16" ? 1e-2 : 1e-4);
    }

    [Theory]
    [InlineData("fp32", "Shared")]
    [InlineData("fp16", "Shared")]
    [InlineData("int8-dynamic", "Shared")]
    [InlineData("int4-b32", "Shared")]
    [InlineData("fp32-plain", "Growing")]
    public void Load_FindsHowTheGraphKeepsItsCache(string recipe, string kind)
    {
        using var model = (OrtModel)OnnxModels.Load(fixture.Artifact($"onnx:{recipe}"));

        Assert.Equal(kind, model.Cache.ToString());
        Assert.Contains("CPUExecutionProvider", model.Facts["ort_placement"], StringComparison.Ordinal);
        Assert.Equal("cpu", model.DeviceUsed);
    }

    [Theory]
    [InlineData("fp32")]
    [InlineData("int4-b32")]
    [InlineData("fp16")]
    public void Decode_AllocatesNothingOnTheManagedHeap(string recipe)
    {
        using ILoadedModel model = OnnxModels.Load(fixture.Artifact($"onnx:{recipe}"));
        using IInferenceSession session = OnnxModels.Session(model);
        OnnxModels.Append(session, fixture.Tokens.AsSpan(0, 20));
        using var source = new CancellationTokenSource();
        var batch = new TokenBatch();
        for (int i = 0; i < 3; i++) Step(i); // binds the decode step's shape

        // The runtime may replace a method's code in one of the windows and allocate while it does; a step that allocates shows in all of
        // them.
        long least = long.MaxValue;
        for (int window = 0; window < 5; window++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 7; i++) Step(3 + (7 * window) + i);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);

        void Step(int i)
        {
            batch.Clear();
            batch.Add(fixture.Tokens[i], 0, logitsWanted: true);
            session.Append(batch, source.Token);
            session.Logits(0);
        }
    }

    [Theory]
    [InlineData("fp32", 512)] // all at once
    [InlineData("fp32", 40)] // two sequences at a time, then the rest
    [InlineData("fp32", 7)] // pieces of sequences
    [InlineData("fp32-plain", 512)]
    public void Append_OfSeveralSequences_EqualsEachAlone(string recipe, int microBatch)
    {
        using ILoadedModel model = OnnxModels.Load(fixture.Artifact($"onnx:{recipe}"));
        int[] lengths = [16, 16, 9, 20]; // ragged
        using IInferenceSession together = OnnxModels.Session(model, context: 32, sequences: lengths.Length, microBatch: microBatch);
        var batch = new TokenBatch();
        // Interleaved, as a server's batch is.
        for (int i = 0; i < lengths.Max(); i++)
        {
            for (int s = 0; s < lengths.Length; s++)
            {
                if (i < lengths[s]) batch.Add(fixture.Tokens[(s * 50) + i], s, logitsWanted: true);
            }
        }

        together.Append(batch, CancellationToken.None);
        Dictionary<int, List<float>> rows = Enumerable.Range(0, lengths.Length).ToDictionary(s => s, _ => new List<float>());
        for (int row = 0; row < batch.Count; row++) rows[batch.Sequences[row]].AddRange(together.Logits(row));
        batch.Clear();
        for (int s = 0; s < lengths.Length; s++) batch.Add(fixture.Tokens[(s * 50) + lengths[s]], s, logitsWanted: true);
        together.Append(batch, CancellationToken.None);
        for (int s = 0; s < lengths.Length; s++) rows[s].AddRange(together.Logits(s));

        for (int s = 0; s < lengths.Length; s++)
        {
            using IInferenceSession alone = OnnxModels.Session(model, context: 32);
            float[] expected = OnnxModels.Append(alone, fixture.Tokens.AsSpan(s * 50, lengths[s] + 1));
            Assert.InRange(Tests.Export.Rows.MaxRelative(expected, [.. rows[s]], Vocabulary), 0, 1e-4);
        }
    }

    [Theory]
    [InlineData("fp32")]
    [InlineData("fp32-plain")]
    public void Truncate_GoesBackToAPrefix(string recipe)
    {
        using ILoadedModel model = OnnxModels.Load(fixture.Artifact($"onnx:{recipe}"));
        using IInferenceSession session = OnnxModels.Session(model);
        OnnxModels.Append(session, fixture.Tokens.AsSpan(0, 10));
        float[] first = OnnxModels.Append(session, fixture.Tokens.AsSpan(10, 5));
        session.Truncate(0, 10);

        Assert.InRange(Tests.Export.Rows.MaxRelative(first, OnnxModels.Append(session, fixture.Tokens.AsSpan(10, 5)), Vocabulary), 0, 1e-6);
    }

    [Fact]
    public void Append_FillsTheContextToItsEnd_AndNoFurther()
    {
        using ILoadedModel model = OnnxModels.Load(fixture.Artifact("onnx:fp32"));
        using IInferenceSession session = OnnxModels.Session(model, context: 12);
        using IInferenceSession roomy = OnnxModels.Session(model, context: 64);
        OnnxModels.Append(session, fixture.Tokens.AsSpan(0, 11));
        OnnxModels.Append(roomy, fixture.Tokens.AsSpan(0, 11));

        float[] last = OnnxModels.Append(session, fixture.Tokens.AsSpan(11, 1));
        EngineException full = Assert.Throws<EngineException>(() => OnnxModels.Append(session, fixture.Tokens.AsSpan(12, 1)));

        Assert.InRange(Tests.Export.Rows.MaxRelative(OnnxModels.Append(roomy, fixture.Tokens.AsSpan(11, 1)), last, Vocabulary), 0, 1e-5);
        Assert.Contains("outgrow", full.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Append_RefusesWhatIsOutOfRange_AndGoesOn()
    {
        using ILoadedModel model = OnnxModels.Load(fixture.Artifact("onnx:fp32"));
        using IInferenceSession session = OnnxModels.Session(model);

        Assert.Contains("vocabulary", Assert.Throws<EngineException>(() => OnnxModels.Append(session, [Vocabulary])).Message,
            StringComparison.Ordinal);
        Assert.Contains("sequence", Assert.Throws<EngineException>(() => OnnxModels.Append(session, [1], sequence: 1)).Message,
            StringComparison.Ordinal);
        Assert.Equal(Vocabulary, OnnxModels.Append(session, [1]).Length);
    }

    [Fact]
    public void Append_StopsWhenCancelled()
    {
        using ILoadedModel model = OnnxModels.Load(fixture.Artifact("onnx:fp32"));
        using IInferenceSession session = OnnxModels.Session(model);
        using var source = new CancellationTokenSource();
        source.Cancel();
        var batch = new TokenBatch();
        batch.Add(1, 0, true);

        Assert.Throws<OperationCanceledException>(() => session.Append(batch, source.Token));
    }

    [Fact]
    public void Cache_FromTheProvidersAllocator_GivesTheSameLogits()
    {
        // The way of providers with memory of their own, walked on the host.
        string path = OnnxModelFile.Find(fixture.Artifact("onnx:fp32"));
        using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(path);
        OrtFunctions functions = OrtLibrary.Load(new EngineEnvironment { Log = _ => { }, Root = RepositoryRoot.Directory }).Api;
        DecoderSignature signature = DecoderSignature.Find(path, session, null);
        var memory = new OrtMemory(session, functions, Path.GetDirectoryName(path)!); // a file has a directory
        var options = new SessionOptions { ContextLength = 64, Threads = 2, Sequences = 2 };
        using var own = new SharedCacheSession(session, signature, options, memory);
        using var allocated = new SharedCacheSession(session, signature, options, memory, useAllocator: true);

        float[] expected = [.. OnnxModels.Append(own, fixture.Tokens.AsSpan(0, 20), 1),
            .. OnnxModels.Append(own, fixture.Tokens.AsSpan(20, 1), 1)];
        float[] actual = [.. OnnxModels.Append(allocated, fixture.Tokens.AsSpan(0, 20), 1),
            .. OnnxModels.Append(allocated, fixture.Tokens.AsSpan(20, 1), 1)];

        Assert.Equal(expected, actual);
        Assert.Equal(own.Memory.KvCacheBytes, allocated.Memory.KvCacheBytes);
    }

    [Fact]
    public void Memory_CountsTheCacheAndTheWeights()
    {
        using ILoadedModel model = OnnxModels.Load(fixture.Artifact("onnx:fp32"));
        using IInferenceSession session = OnnxModels.Session(model, context: 64, sequences: 2);
        OnnxModels.Append(session, fixture.Tokens.AsSpan(0, 32));

        EngineMemory memory = session.Memory;

        using var again = new Microsoft.ML.OnnxRuntime.InferenceSession(OnnxModelFile.Find(fixture.Artifact("onnx:fp32")));
        DecoderSignature shape = DecoderSignature.Find("model.onnx", again, null);
        // Layers × key and value × sequences × heads × context × head size × bytes.
        Assert.Equal(shape.Layers.Length * 2L * 2 * shape.CacheHeads * 64 * shape.HeadSize * 4, memory.KvCacheBytes);
        long file = new DirectoryInfo(fixture.Artifact("onnx:fp32")).EnumerateFiles().Sum(f => f.Length);
        Assert.InRange(memory.WeightsBytes, file / 2, file * 3);
        Assert.True(memory.ComputeBytes > 0);
        Assert.Null(memory.DeviceBytes);
    }
}
