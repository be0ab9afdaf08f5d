using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Imports;
using QuantBench.Engines.OnnxRuntime.Tests.Export;
using QuantBench.Formats.Onnx;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests.Imports;

/// <summary>Directories that other tools wrote: the exports stand in for their graphs, the files beside them are in the tools'
/// layouts.</summary>
[Collection(ExportCollection.Name)]
public sealed class GivenModelTests(ExportFixture fixture)
{
    private const string Footprint = """
        {
          "a1": {"parent_model_id": null, "model_id": "a1", "model_config": {"type": "HfModel"}, "from_pass": null,
                 "metrics": {"value": {"latency-avg": {"value": 40.5, "priority": 1, "higher_is_better": false}}}},
          "b2": {"parent_model_id": "a1", "model_id": "b2", "model_config": {"type": "ONNXModel"}, "from_pass": "ModelBuilder",
                 "metrics": null},
          "c3": {"parent_model_id": "b2", "model_id": "c3", "model_config": {"type": "ONNXModel"},
                 "from_pass": "OnnxBlockWiseRtnQuantization",
                 "metrics": {"value": {"latency-avg": {"value": 12.25, "priority": 1, "higher_is_better": false},
                     "accuracy-accuracy_score": {"value": 0.5, "priority": -1, "higher_is_better": true}},
                             "cmp_direction": {"latency-avg": -1}, "if_goals_met": true}}
        }
        """;

    [Theory]
    [InlineData("fp32", "given-fp32")]
    [InlineData("fp16", "given-fp16")]
    [InlineData("int8-b32", "given-int8")]
    [InlineData("int4-b32", "given-int4")]
    public void CanBuild_OnlyTheVariantThatTheModelIs(string recipe, string variant)
    {
        using TemporaryDirectory given = Copy(recipe);
        ModelSource source = ModelSource.Open(given.Path);
        var builder = new GivenOnnxBuilder();

        string[] possible = [
            .. new[] { "given-fp32", "given-fp16", "given-int8",
                "given-int4" }.Where(v => builder.CanBuild(source, $"onnx:{v}").IsSupported)];

        Assert.Equal(SourceKind.Onnx, source.Kind);
        Assert.Equal([variant], possible);
        Assert.Contains($"onnx:{variant}", builder.CanBuild(source, variant == "given-int4" ? "onnx:given-fp32" : "onnx:given-int4").Reason,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Build_TakesTheFilesOver_AndTheModelRuns_WithOlivesFiguresBeside()
    {
        using TemporaryDirectory given = Copy("int4-b32");
        File.Move(given.Combine("model.onnx"), given.Combine("decoder.onnx")); // Olive lets its users name the file
        string config = given.Combine("genai_config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"model.onnx\"", "\"decoder.onnx\"", StringComparison.Ordinal));
        File.WriteAllText(given.Combine("footprint.json"), Footprint);
        ModelSource source = ModelSource.Open(given.Path);
        using var target = new TemporaryDirectory();
        string output = target.Combine("artifact");

        new GivenOnnxBuilder().Build(
            new BuildRequest(source, "onnx:given-int4", ImmutableSortedDictionary<string, string>.Empty, output, null, 1),
            new Progress<double>(), CancellationToken.None);
        using ILoadedModel model = OnnxModels.Load(output);
        using IInferenceSession session = OnnxModels.Session(model);
        using ILoadedModel original = OnnxModels.Load(fixture.Artifact("onnx:int4-b32"));
        using IInferenceSession originalSession = OnnxModels.Session(original);
        ImmutableArray<string> notes = ((IEngineReport)model).Finish();

        Assert.Equal(OnnxModels.Append(originalSession, fixture.Tokens.AsSpan(0, 9)),
            OnnxModels.Append(session, fixture.Tokens.AsSpan(0, 9)));
        Assert.Equal(original.TrainedContextLength, model.TrainedContextLength);
        Assert.Contains("Olive's own figures: latency-avg 12.25 (lower is better), accuracy-accuracy_score 0.5 (higher is better)", notes);
        Assert.Contains("made by Olive: ModelBuilder, OnnxBlockWiseRtnQuantization", notes);
        Assert.Equal("12.25", ((IEngineReport)model).Facts["olive_latency-avg"]);
    }

    [Theory]
    [InlineData("int4-b32", "MatMulNBits", 2, float.NaN)] // scales
    [InlineData("int8-b32", "MatMulNBits", 2, float.PositiveInfinity)]
    [InlineData("fp32", "MatMul", 1, float.NegativeInfinity)]
    public void Build_RefusesAConstantThatIsNoNumber_NamingTensorAndIndex(string recipe, string operation, int input, float bad)
    {
        using TemporaryDirectory given = Copy(recipe);
        OnnxTensorInfo tensor;
        using (OnnxModel model = OnnxModel.Open(given.Path))
        {
            tensor = model.Nodes.Where(n => n.OpType == operation).Select(n => model.Tensors.GetValueOrDefault(n.Inputs[input]))
                .OfType<OnnxTensorInfo>().First(t => t is { Location: not null, Type: OnnxDataType.Float });
        }

        using (FileStream data = File.OpenWrite(given.Combine(tensor.Location ?? "")))
        {
            data.Position = tensor.Offset + (4 * 3);
            data.Write(BitConverter.GetBytes(bad));
        }

        using var target = new TemporaryDirectory();
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => new GivenOnnxBuilder().Build(
            new BuildRequest(ModelSource.Open(given.Path), "onnx:given", ImmutableSortedDictionary<string, string>.Empty,
                target.Combine("artifact"), null, 1), new Progress<double>(), CancellationToken.None));

        Assert.Contains($"the weight of '{tensor.Name}' at [", e.Message, StringComparison.Ordinal);
        Assert.Contains(float.IsNaN(bad) ? "not a number" : "infinite", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Source_FindsTheTokenizerBesideTheModel()
    {
        using TemporaryDirectory given = Copy("fp32");

        int[] tokens = ModelSource.OpenTokenizer(ModelSource.Open(given.Path)).Encode(ReferenceText.Start(500));

        Assert.Equal(fixture.Tokens.AsSpan(0, 50), tokens.AsSpan(0, 50));
    }

    [Fact]
    public void Source_SaysWhatIsMissing_WithoutATokenizer()
    {
        using TemporaryDirectory given = Copy("fp32");
        File.Delete(given.Combine("tokenizer.json"));

        ModelFormatException error = Assert.Throws<ModelFormatException>(() => ModelSource.OpenTokenizer(ModelSource.Open(given.Path)));

        Assert.Contains("tokenizer.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Source_MayBeOneFile_WithItsData()
    {
        using TemporaryDirectory given = Copy("fp32");

        ModelSource source = ModelSource.Open(given.Combine("model.onnx"));

        Assert.Equal(SourceKind.Onnx, source.Kind);
        Assert.Equal(["model.onnx", "model.onnx.data"], source.Files.Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("{")] // cut off
    [InlineData("[]")] // no object
    [InlineData("""{"a": {"parent_model_id": "b", "from_pass": "X"}, "b": {"parent_model_id": "a", "from_pass": "Y"}}""")] // a ring
    [InlineData("""{"a": 5, "b": {"metrics": {"value": {"m": {"value": "high"}}}}}""")] // odd types
    public void OliveOutput_TakesWhateverAFootprintHolds(string text)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.Combine("footprint.json"), text);

        OliveOutput output = OliveOutput.Read(directory.Path);

        Assert.Empty(output.Metrics);
        Assert.InRange(output.Passes.Length + output.Problems.Length, 0, 2);
    }

    [Fact]
    public void OliveOutput_PrefersTheMetricsOfTheFinalModel()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.Combine("footprint.json"), Footprint);
        File.WriteAllText(directory.Combine("metrics.json"),
            """{"latency-avg": {"value": 11, "priority": 1, "higher_is_better": false}}""");
        File.WriteAllText(directory.Combine("input_model_metrics.json"),
            """{"latency-avg": {"value": 41, "priority": 1, "higher_is_better": false}}""");

        OliveOutput output = OliveOutput.Read(directory.Path);

        Assert.Equal([new OliveMetric("latency-avg", 11, false)], output.Metrics.AsEnumerable());
        Assert.Equal([new OliveMetric("latency-avg", 41, false)], output.InputMetrics.AsEnumerable());
    }

    private TemporaryDirectory Copy(string recipe)
    {
        var directory = new TemporaryDirectory();
        foreach (string file in Directory.GetFiles(fixture.Artifact($"onnx:{recipe}")))
            File.Copy(file, directory.Combine(Path.GetFileName(file)));
        return directory;
    }
}
