using QuantBench.Core.Errors;
using QuantBench.Engines.LLamaSharp.Native;
using QuantBench.Engines.LlamaCpp.Tests;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Engines.LLamaSharp.Tests;

[Collection(LlamaCollection.Name)]
public sealed class LLamaSharpEngineTests(LlamaFixture fixture)
{
    // llama-perplexity's running mean of the NLL after each chunk of 512 tokens of the reference text, second halves scored.
    private static readonly double[] s_runningNll = [3.759830, 3.559138, 3.409632, 3.484079];

    [Fact]
    public void Build_NamesBindingCommitAndLevel()
    {
        Assert.Matches("^LLamaSharp 0\\.30\\.0, llama\\.cpp 815a2a5 \\((noavx|avx|avx2|avx512|none)\\) ", fixture.Engine.Build);
        Assert.Contains("OPENMP", fixture.Engine.Build, StringComparison.Ordinal);
        Assert.Contains($"Include=\"LLamaSharp\" Version=\"{LLamaSharpLibrary.Version}\"",
            File.ReadAllText(RepositoryRoot.Combine("Directory.Packages.props")), StringComparison.Ordinal);
    }

    [Fact]
    public void Devices_HasTheCpu() => Assert.True(Assert.Single(fixture.Engine.Devices()) is { Id: "cpu", Support.IsSupported: true });

    [Fact]
    public void CanRun_SaysWhy_WhenItCant()
    {
        string text = fixture.ScratchFile("not-a-model.gguf");
        File.WriteAllText(text, "this is only text");

        Assert.True(fixture.Engine.CanRun(fixture.F32, "cpu").IsSupported);
        Assert.Contains("no such device", fixture.Engine.CanRun(fixture.F32, "cuda:7").Reason, StringComparison.Ordinal);
        Assert.Contains("not a GGUF file",
            Assert.Throws<ModelFormatException>(() => fixture.Engine.CanRun(LlamaFixture.Artifact(text, "gguf:F32"), "cpu")).Message,
            StringComparison.Ordinal);
        Assert.Contains("GGUF", fixture.Engine.CanRun(LlamaFixture.Artifact(text, "safetensors:F32"), "cpu").Reason,
            StringComparison.Ordinal);
    }

    [NpmFact(NpmPackage.LlamaCpp)]
    public void Process_HoldsOneBuild_WhicheverBindingAsksForTheSecond()
    {
        var environment = new EngineEnvironment { Log = _ => { }, Root = ReferenceGguf.Root };

        EngineException e = Assert.Throws<EngineException>(() => LlamaCpp.LlamaCppEngine.Create(environment));

        Assert.Contains("already loaded", e.Message, StringComparison.Ordinal);
        Assert.Contains("runtimes", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(File.ReadLines("/proc/self/maps"), l => l.Contains("node_modules", StringComparison.Ordinal));
    }

    [Fact]
    public void Tokenizer_GivesOurIds()
    {
        ITextTokenizer ours = ModelSource.OpenTokenizer(ModelSource.Open(fixture.F32.Path));
        using IEngineTokenizer theirs = fixture.Engine.OpenTokenizer(fixture.F32.Path);
        string text = Vocabularies.Generated(500, 3);

        Assert.Equal(ours.Encode(text), theirs.Encode(text));
        Assert.Empty(theirs.Encode(""));
        Assert.Equal(ours.BosToken, theirs.BosToken);
        Assert.Equal(ours.VocabularySize, theirs.VocabularySize);
        Assert.Equal(Enumerable.Range(0, ours.VocabularySize).Select(ours.ByteLength),
            Enumerable.Range(0, ours.VocabularySize).Select(theirs.ByteLength));
        Assert.Equal(Enumerable.Range(0, ours.VocabularySize).Select(ours.Bytes),
            Enumerable.Range(0, ours.VocabularySize).Select(theirs.Bytes));
        Assert.Throws<ModelFormatException>(() => fixture.Engine.OpenTokenizer(fixture.ScratchFile("none")));
    }

    [Fact]
    public void CanRun_RefusesEncoders_WhichItWouldTakeForDecoders()
    {
        string path = fixture.ScratchFile("encoder.gguf");
        using (GgufReader reader = GgufReader.Open(fixture.F32.Path))
        {
            var metadata = new GgufMetadata(path);
            foreach ((string key, object value) in reader.Metadata) metadata.Add(key, value);
            metadata.Add("llama.attention.causal", false);
            using var writer = new GgufWriter(File.Create(path), metadata,
                [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions))]);
            foreach (GgufTensorInfo tensor in reader.Tensors) writer.Append(reader.Span(tensor));
            writer.Complete();
        }

        Assert.Contains("encoders, whose tokens see those behind them",
            fixture.Engine.CanRun(LlamaFixture.Artifact(path, "gguf:F32"), "cpu").Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ReportsTheModelsSizes()
    {
        Assert.Equal(4096, fixture.Model.VocabularySize);
        Assert.Equal(5_770_496, fixture.Model.ParameterCount);
        Assert.Equal(2048, fixture.Model.TrainedContextLength);
        Assert.Equal("cpu", fixture.Model.DeviceUsed);
    }

    [Fact]
    public void Load_BlamesTheFile_WhenItIsTruncated()
    {
        string path = fixture.ScratchFile("truncated.gguf");
        File.WriteAllBytes(path, File.ReadAllBytes(fixture.F32.Path)[..10_000_000]);

        ModelFormatException e = Assert.Throws<ModelFormatException>(() => fixture.Engine.Load(
            LlamaFixture.Artifact(path, "gguf:F32"), "cpu", new LoadOptions { Threads = 2 }, CancellationToken.None));

        Assert.Contains(path, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_Stops_WhenCancelled()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();

        Assert.ThrowsAny<OperationCanceledException>(() =>
            fixture.Engine.Load(fixture.F32, "cpu", new LoadOptions { Threads = 2 }, source.Token));
    }

    [NpmTheory(NpmPackage.Texts)]
    [InlineData(1)]
    [InlineData(4)]
    public void Logits_GiveLlamaPerplexitysFigures(int sequences)
    {
        const int length = 512;
        using IInferenceSession session = fixture.Session(length, sequences);
        double sum = 0;
        for (int first = 0; first < s_runningNll.Length; first += sequences)
        {
            session.Reset();
            var batch = new TokenBatch();
            for (int s = 0; s < sequences; s++)
                for (int i = 0; i < length; i++) batch.Add(fixture.Tokens[((first + s) * length) + i], s, i >= length / 2);
            session.Append(batch, CancellationToken.None);
            for (int s = 0; s < sequences; s++)
            {
                for (int i = length / 2; i < length - 1; i++)
                    sum += TokenBatches.Nll(session.Logits((s * length / 2) + i - (length / 2)),
                        fixture.Tokens[((first + s) * length) + i + 1]);
                Assert.Equal(s_runningNll[first + s], sum / ((first + s + 1) * 255), 2e-5 * s_runningNll[first + s]);
            }
        }
    }
}
