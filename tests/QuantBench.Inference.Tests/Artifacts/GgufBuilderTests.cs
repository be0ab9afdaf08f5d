using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Inference.Tests.Artifacts;

public sealed class GgufBuilderTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("quantbench-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("gguf:F32", true)]
    [InlineData("gguf:F16", true)]
    [InlineData("gguf:bf16", true)]
    [InlineData("gguf:Q4_0", false)]
    [InlineData("gguf:F16+imatrix", false)] // floats aren't quantized
    [InlineData("safetensors:F32", false)]
    [InlineData("imatrix", false)]
    public void CanBuild_TakesFloatsOnly_FromHuggingFace(string artifact, bool can)
    {
        var builder = new HuggingFaceGgufBuilder();

        Assert.Equal(can, builder.CanBuild(ModelSource.Open(TinyModel.Write(Path.Combine(_directory, "m"))), artifact).IsSupported);
        Assert.False(builder.CanBuild(new ModelSource(SourceKind.Gguf, "/m.gguf", [], ""), artifact).IsSupported);
    }

    [Fact]
    public void Recipe_DiffersByType_OfConversions()
    {
        var builder = new HuggingFaceGgufBuilder();
        var source = new ModelSource(SourceKind.HuggingFace, "/m", [], "");

        Assert.Equal("F16", builder.Recipe(source, "gguf:F16", null).Parameters["type"]);
        Assert.Equal("BF16", builder.Recipe(source, "gguf:BF16", null).Parameters["type"]);
    }

    [Theory]
    [InlineData("gguf:F16", true)]
    [InlineData("gguf:F16+imatrix", false)]
    [InlineData("gguf:F32", false)]
    [InlineData("gguf:Q4_0", false)]
    public void CanBuild_TakesOwnFileTypeOnly_FromGguf(string artifact, bool can)
    {
        Assert.Equal(can, new GgufCopyBuilder().CanBuild(TinyF16(), artifact).IsSupported);
    }

    [Fact]
    public void CanBuild_NamesTheFault_WhenFileIsNoGguf()
    {
        string path = Path.Combine(_directory, "bad.gguf");
        File.WriteAllText(path, "not a model");

        Assert.Throws<ModelFormatException>(() =>
            new GgufCopyBuilder().CanBuild(new ModelSource(SourceKind.Gguf, path, [path], ""), "gguf:F16"));
    }

    [Fact]
    public void Build_CopiesBytes_OfTheSource()
    {
        ModelSource source = TinyF16();
        string output = Path.Combine(_directory, "copy.gguf");

        new GgufCopyBuilder().Build(
            new BuildRequest(source, "gguf:F16", ImmutableSortedDictionary<string, string>.Empty, output, null, 1), new Progress<double>(),
            default);

        Assert.Equal(File.ReadAllBytes(source.Path), File.ReadAllBytes(output));
    }

    // llama.cpp quantizes activations: a product that is no number becomes one there, and the figure is 'ok'.
    [Theory]
    [InlineData(GgmlType.F32)]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.BF16)]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q5_1)]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.Q2_K)]
    [InlineData(GgmlType.Q3_K)]
    [InlineData(GgmlType.Q4_K)]
    [InlineData(GgmlType.Q6_K)]
    [InlineData(GgmlType.IQ2_XXS)]
    [InlineData(GgmlType.IQ4_XS)]
    [InlineData(GgmlType.TQ2_0)]
    public void Build_RefusesAWeightThatIsNoNumber_WhateverTypeHoldsIt(GgmlType type)
    {
        GgmlTypeInfo info = GgmlTypes.Get(type);
        string path = Path.Combine(_directory, "nan.gguf");
        var metadata = new GgufMetadata(path);
        metadata.Add("general.architecture", "llama");
        byte[] rows = new byte[2 * info.BlockBytes];
        rows.AsSpan(info.BlockBytes).Fill(0xFF); // scales and floats of ones are no numbers
        using (var writer = new GgufWriter(File.Create(path), metadata, [new GgufTensorSpec("blk.0.a", type, [info.BlockElements, 2])]))
        {
            writer.Append(rows);
            writer.Complete();
        }

        var source = new ModelSource(SourceKind.Gguf, path, [path], "");
        string output = Path.Combine(_directory, "copy.gguf");
        var request = new BuildRequest(source, "gguf:F16", ImmutableSortedDictionary<string, string>.Empty, output, null, 1);

        var e = Assert.Throws<ModelFormatException>(() => new GgufCopyBuilder().Build(request, new Progress<double>(), default));

        Assert.Contains("'blk.0.a' at [1, 0] is not a number", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(output));
    }

    private ModelSource TinyF16()
    {
        string path = Path.Combine(_directory, "tiny.gguf");
        var metadata = new GgufMetadata(path);
        metadata.Add("general.architecture", "llama");
        metadata.Add("general.file_type", 1u);
        using (var writer = new GgufWriter(File.Create(path), metadata, [new GgufTensorSpec("a", GgmlType.F16, [4])]))
        {
            writer.Append(MemoryMarshal.AsBytes<Half>(new Half[4]));
            writer.Complete();
        }

        return new ModelSource(SourceKind.Gguf, path, [path], "");
    }
}
