using System.Collections.Immutable;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Engines.OnnxRuntime.Export;
using QuantBench.Engines.OnnxRuntime.Export.Calibration;
using QuantBench.Formats.Safetensors;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Artifacts;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

[Collection(ExportCollection.Name)]
public sealed class OnnxExportBuilderTests(ExportFixture fixture)
{
    private readonly OnnxExportBuilder _builder = new();

    [Fact]
    public void Recipes_AreTheQuantSchemes_ButThoseOfModelsThatAreOnnxAlready() =>
        Assert.Equal(
            QuantSchemes.All.Where(s => s.Format == "onnx" && !s.Name.StartsWith("given-", StringComparison.Ordinal)).Select(s => s.Name)
                .Order(StringComparer.Ordinal), ExportRecipes.All.Select(r => r.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void Schemes_NeedACalibrationText_WhereTheRecipeCalibrates() =>
        Assert.All(ExportRecipes.All, r => Assert.Equal(r.Calibration is not null, Variant.Parse($"onnx:{r.Name}").NeedsCalibrationText));

    [Theory]
    [InlineData("gguf:Q4_0", "makes ONNX variants")]
    [InlineData("onnx:int4-b32+imatrix", "importance matrices")]
    [InlineData("imatrix", "makes ONNX variants")]
    public void CanBuild_SaysWhyNot(string artifact, string reason) =>
        Assert.Contains(reason, _builder.CanBuild(fixture.Source, artifact).Reason, StringComparison.Ordinal);

    [Fact]
    public void CanBuild_RefusesToQuantizeTwice()
    {
        string path = fixture.Artifact("gguf:Q4_0");
        var source = new ModelSource(SourceKind.Gguf, path, [path], new string('0', 64));

        Assert.Contains("quantized already", _builder.CanBuild(source, "onnx:int4-b32").Reason, StringComparison.Ordinal);
        Assert.True(_builder.CanBuild(source, "onnx:gguf-Q4_0").IsSupported);
    }

    [Fact]
    public void CanBuild_NamesTheFault_WhenTheModelIsNoDecoderOfAKnownFamily()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Write(directory.Path, change: c => c["architectures"] = new JsonArray("GPT2LMHeadModel"));
        var source = new ModelSource(SourceKind.HuggingFace, directory.Path, [], new string('0', 64));

        UnsupportedException refusal = Assert.Throws<UnsupportedException>(() => _builder.CanBuild(source, "onnx:fp32"));
        Assert.Contains("GPT2LMHeadModel", refusal.Message, StringComparison.Ordinal);
        Assert.NotNull(refusal.Hint);
    }

    [Fact]
    public void Recipe_NamesWhatItStartsFrom()
    {
        Assert.Empty(_builder.Recipe(fixture.Source, "onnx:int4-b32", null).Inputs);
        Assert.Equal(["gguf:Q4_1"], _builder.Recipe(fixture.Source, "onnx:gguf-Q4_1-a4", null).Inputs.ToArray());
        ArtifactRecipe calibrated = _builder.Recipe(fixture.Source, "onnx:int8-static", fixture.Calibration());
        Assert.Equal(["onnx:fp32"], calibrated.Inputs.ToArray());
        Assert.Equal(new string('a', 64), calibrated.Parameters["text_sha256"]);
        Assert.Equal("BOS first", calibrated.Parameters["text_cut"]); // artifacts of the older rule aren't taken for it
        Assert.Throws<RequestException>(() => _builder.Recipe(fixture.Source, "onnx:int8-static", null));
    }

    /// <summary>The rule of the evaluators: BOS before the text, then the cut, then BOS in place of each chunk's first token.</summary>
    [Fact]
    public void Calibrate_CutsTheText_AfterBosIsPutBeforeIt()
    {
        int[] tokens = [.. fixture.Tokens.Take(127)];
        const int bos = 1;
        int[] byHand = [bos, .. tokens];
        byHand[64] = bos;

        Assert.Equal(Ranges("by-hand.tokens", byHand, null), Ranges("bos.tokens", tokens, bos));
        Assert.NotEqual(Ranges("bos.tokens", tokens, bos), Ranges("plain.tokens", tokens, null));
    }

    private (string, ActivationRange)[] Ranges(string name, int[] tokens, int? bos)
    {
        string path = fixture.ScratchFile(name);
        TokenFile.Write(path, new TokenFileHeader("text", "tokenizer", bos), tokens, new ushort[tokens.Length]);
        return [.. ActivationCalibrator.Calibrate(fixture.Artifact("onnx:fp32"), new CalibrationText(path, new string('a', 64), 0, 64),
            CalibrationMethod.MinMax, 2, new Progress<double>(), CancellationToken.None)
            .OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => (r.Key, r.Value))];
    }

    [Fact]
    public void Build_PutsTokenizerAndGenaiConfigBesideTheModel()
    {
        string directory = fixture.Artifact("onnx:fp32");

        Assert.Equal(
            ["genai_config.json", "model.onnx", "model.onnx.data", "tokenizer.json", "tokenizer_config.json"],
            Directory.EnumerateFiles(directory).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Build_GivesTheSameBytes_EveryTime()
    {
        using var directory = new TemporaryDirectory();
        _builder.Build(
            new BuildRequest(fixture.Source, "onnx:int4-b32", ImmutableSortedDictionary<string, string>.Empty, directory.Combine("again"),
                null, 1),
            new Progress<double>(), CancellationToken.None);

        Assert.Equal(ArtifactContent.Read(fixture.Artifact("onnx:int4-b32"), CancellationToken.None),
            ArtifactContent.Read(directory.Combine("again"), CancellationToken.None));
    }

    public static TheoryData<string> MadeFromFloats =>
        [.. ExportRecipes.All.Where(r => r.GgufVariant is null && r.Calibration is null).Select(r => r.Name)];

    [Theory]
    [MemberData(nameof(MadeFromFloats))]
    public void Build_Refuses_WhenAWeightIsNoNumber(string recipe)
    {
        foreach ((string tensor, int index, ushort bits, string reason) in new[]
        {
            ("model.layers.1.mlp.up_proj.weight", (64 * 7) + 11, (ushort)0x7FC0, "'layers.1.up_proj' at [7, 11] is not a number"),
            ("model.embed_tokens.weight", 64 + 1, (ushort)0xFF80, "'embed_tokens' at [1, 1] is infinite"),
            ("model.layers.0.input_layernorm.weight", 3, (ushort)0x7F80, "'layers.0.input_layernorm' at [0, 3] is infinite"),
        })
        {
            using var directory = new TemporaryDirectory();
            string model = TinyModel.Write(directory.Combine("model"));
            long at;
            using (SafetensorsModel weights = SafetensorsModel.Open(model)) at = weights.Tensors[tensor].Offset + (2 * index);
            using (FileStream file = File.OpenWrite(Path.Combine(model, SafetensorsModel.SingleFile)))
            {
                file.Position = at;
                file.Write(BitConverter.GetBytes(bits));
            }

            ModelFormatException error = Assert.Throws<ModelFormatException>(() => _builder.Build(
                new BuildRequest(ModelSource.Open(model), $"onnx:{recipe}", ImmutableSortedDictionary<string, string>.Empty,
                    directory.Combine("out"), null, 1),
                new Progress<double>(), CancellationToken.None));

            Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Build_Stops_WhenCancelled()
    {
        using var directory = new TemporaryDirectory();

        Assert.Throws<OperationCanceledException>(() => _builder.Build(
            new BuildRequest(fixture.Source, "onnx:fp32", ImmutableSortedDictionary<string, string>.Empty, directory.Combine("stopped"),
                null, 1),
            new Progress<double>(), new CancellationToken(canceled: true)));
        Assert.False(File.Exists(Path.Combine(directory.Combine("stopped"), "model.onnx")));
    }
}
