using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Export;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;
using QuantBench.Models.Decoders;
using QuantBench.Models.Synthesis;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

[Collection(ExportCollection.Name)]
public sealed class DecoderExportTests(ExportFixture fixture)
{
    private const int Vocabulary = 4096;

    [Fact]
    public void FloatLogits_EqualTheManagedEngines()
    {
        using var decoder = new OrtDecoder(fixture.Artifact("onnx:fp32"));
        double worst = 0;
        for (int chunk = 0; chunk < 4; chunk++)
        {
            ReadOnlySpan<int> tokens = fixture.Tokens.AsSpan(chunk * 512, 512);
            decoder.Reset();
            worst = Math.Max(worst,
                Rows.MaxRelative(ManagedLogits.Of(fixture.Artifact("gguf:F32"), tokens), decoder.Append(tokens), Vocabulary));
        }

        Assert.InRange(worst, 0, 1e-4);
    }

    [Theory]
    [InlineData("fp32-plain", 1e-5)]
    [InlineData("bf16", 0)] // the reference weights are bfloat16 themselves
    [InlineData("fp16", 2e-2)]
    [InlineData("int8-b32", 8e-2)]
    [InlineData("int8-dynamic", 0.25)]
    [InlineData("int8-static", 0.6)]
    [InlineData("int8-static-down32", 0.6)]
    [InlineData("int8-static-percentile", 0.6)]
    [InlineData("int8-static-entropy", 0.9)]
    [InlineData("int4-b32", 0.5)]
    [InlineData("int4-b32-asym", 0.5)]
    [InlineData("int4-b32-down8", 0.5)]
    [InlineData("int4-b128", 0.6)]
    public void Logits_StayNearThoseOfFloats(string recipe, double bound)
    {
        ReadOnlySpan<int> tokens = fixture.Tokens.AsSpan(0, 96);
        using var floats = new OrtDecoder(fixture.Artifact("onnx:fp32"));
        using var decoder = new OrtDecoder(fixture.Artifact($"onnx:{recipe}"));

        Assert.InRange(Rows.MaxRelative(floats.Append(tokens), decoder.Append(tokens), Vocabulary), 0, bound);
    }

    [Theory]
    [InlineData("fp32")]
    [InlineData("fp32-plain")]
    [InlineData("int4-b32-a0")]
    public void TokenByToken_EqualsAllAtOnce(string recipe)
    {
        ReadOnlySpan<int> tokens = fixture.Tokens.AsSpan(100, 24);
        using var decoder = new OrtDecoder(fixture.Artifact($"onnx:{recipe}"));
        float[] atOnce = decoder.Append(tokens);
        decoder.Reset();

        // A prompt, a piece on top of it, then single tokens.
        float[] inPieces = [.. decoder.Append(tokens[..9]), .. decoder.Append(tokens[9..14])];
        for (int i = 14; i < tokens.Length; i++) inPieces = [.. inPieces, .. decoder.Append(tokens.Slice(i, 1))];

        Assert.InRange(Rows.MaxRelative(atOnce, inPieces, Vocabulary), 0, 1e-4);
    }

    public static TheoryData<string, string> Families() => new()
    {
        { "llama3", "fp32" },
        { "llama3", "fp32-plain" },
        { "yarn", "fp32" },
        { "linear", "fp32" },
        { "qwen2", "fp32" },
        { "qwen2", "fp32-plain" },
        { "qwen3", "fp32" },
        { "qwen3", "fp32-plain" },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void OtherFamilies_EqualTheManagedEngine(string family, string recipe)
    {
        SyntheticShape shape = new()
        {
            Name = family,
            Architecture = family is "qwen2" or "qwen3" ? family : "llama",
            Layers = 2,
            Embedding = 128,
            FeedForward = 192,
            Heads = 4,
            KvHeads = 2,
            HeadWidth = 48, // not embedding / heads
            Vocabulary = 300,
            ContextLength = 1024,
            HasRopeFactors = family == "llama3",
            RopeScaling = family is "yarn" or "linear" ? (family, 4f) : null,
            TiesEmbeddings = family != "qwen2",
        };
        string gguf = fixture.ScratchFile($"{family}-{recipe}.gguf"), onnx = fixture.ScratchFile($"{family}-{recipe}");
        ModelSynthesizer.Write(gguf, shape, "F32", seed: 5, CancellationToken.None);
        using (DecoderWeights weights = DecoderWeights.Open(gguf)) Export(weights, recipe, onnx);
        int[] tokens = [.. Enumerable.Range(0, 80).Select(i => (i * 37) % 300)];
        using var decoder = new OrtDecoder(onnx);

        Assert.InRange(Rows.MaxRelative(ManagedLogits.Of(gguf, tokens), decoder.Append(tokens), 300), 0, 1e-4);
        Assert.Equal(ModelParameters(gguf), long.Parse(decoder.Model.Metadata[OnnxMetadata.ParameterCount], CultureInfo.InvariantCulture));
    }

    [Fact]
    public void PlainGraph_UsesStandardOperatorsOnly()
    {
        using OnnxModel model = OnnxModel.Open(fixture.Artifact("onnx:fp32-plain"));

        Assert.Equal([""], model.Opsets.Keys);
        Assert.All(model.Nodes, n => Assert.Equal("", n.Domain));
        // in ONNX's domain, but ONNX Runtime's own
        Assert.DoesNotContain("SimplifiedLayerNormalization", model.Nodes.Select(n => n.OpType));
    }

    [Fact]
    public void PlainGraph_TakesPromptsPaddedOnTheLeft()
    {
        using OnnxModel model = OnnxModel.Open(fixture.Artifact("onnx:fp32-plain"));
        int[] tokens = fixture.Tokens[..12];
        using var alone = new OrtDecoder(fixture.Artifact("onnx:fp32-plain"));
        float[] expected = alone.Append(tokens);

        float[] padded = PaddedRun.Logits(model, tokens, padding: 5);

        Assert.InRange(Rows.MaxRelative(expected, padded.AsSpan(5 * Vocabulary), Vocabulary), 0, 1e-4);
    }

    [Fact]
    public void Metadata_TellsWhatTheModelIs()
    {
        using OnnxModel model = OnnxModel.Open(fixture.Artifact("onnx:int8-dynamic"));

        Assert.Equal("quantbench", model.Producer);
        Assert.Equal("int8-dynamic", model.Metadata[OnnxMetadata.Recipe]);
        Assert.Equal(fixture.Source.Sha256, model.Metadata[OnnxMetadata.SourceSha256]);
        Assert.Contains("zero point 128", model.Metadata[OnnxMetadata.Settings], StringComparison.Ordinal);
        Assert.Contains("saturate", model.Metadata[OnnxMetadata.Notes], StringComparison.Ordinal);
    }

    [Fact]
    public void Export_Throws_WhenHeadsDontFitTheFusedOperator()
    {
        using var directory = new TemporaryDirectory();
        SyntheticShape shape = new()
        {
            Name = "narrow",
            Architecture = "llama",
            Layers = 1,
            Embedding = 64,
            FeedForward = 64,
            Heads = 2,
            KvHeads = 1,
            HeadWidth = 24,
            Vocabulary = 300,
        };
        string gguf = directory.Combine("narrow.gguf");
        ModelSynthesizer.Write(gguf, shape, "F32", seed: 5, CancellationToken.None);
        using DecoderWeights weights = DecoderWeights.Open(gguf);

        var error = Assert.Throws<UnsupportedException>(() => Export(weights, "fp32", directory.Combine("narrow")));

        Assert.Contains("multiple of 16", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(directory.Combine("narrow")));
    }

    [Fact]
    public void Export_BoundsTables_WhateverContextTheFileClaims()
    {
        using var directory = new TemporaryDirectory();
        SyntheticShape shape = new()
        {
            Name = "boastful",
            Architecture = "llama",
            Layers = 1,
            Embedding = 48,
            FeedForward = 64,
            Heads = 1,
            KvHeads = 1,
            HeadWidth = 16,
            Vocabulary = 300,
            ContextLength = int.MaxValue,
        };
        string gguf = directory.Combine("boastful.gguf");
        ModelSynthesizer.Write(gguf, shape, "F32", seed: 5, CancellationToken.None);
        using DecoderWeights weights = DecoderWeights.Open(gguf);

        Export(weights, "fp32", directory.Combine("boastful"));

        using OnnxModel model = OnnxModel.Open(directory.Combine("boastful"));
        Assert.Equal([262_144L, 8L], model.Tensors["cos_cache"].Shape.ToArray());
        Assert.Equal("262144", model.Metadata[OnnxMetadata.ContextLength]);
        // 48 = 1.5 blocks
        Assert.Contains("blocks of 32", DecoderExporter.Refusal(weights.Shape, ExportRecipes.Find("int4-b32")!), StringComparison.Ordinal);
    }

    [Fact]
    public void Export_ReportsProgressUpToOne()
    {
        fixture.Artifact("onnx:fp32");

        Assert.Equal(1, fixture.Progress.Max());
        Assert.All(fixture.Progress, p => Assert.InRange(p, 0, 1));
        Assert.True(fixture.Progress.Count > 3);
    }

    private static void Export(DecoderWeights weights, string recipe, string directory) => DecoderExporter.Export(
        // every name is a recipe's
        weights, ExportRecipes.Find(recipe)!, null, new string('0', 64), directory, new Progress<double>(), CancellationToken.None);

    private static long ModelParameters(string gguf)
    {
        using GgufReader reader = GgufReader.Open(gguf);
        return reader.Tensors.Where(t => t.Name != "rope_freqs.weight" && !t.Name.EndsWith(".bias", StringComparison.Ordinal))
            .Sum(t => t.ElementCount);
    }
}
