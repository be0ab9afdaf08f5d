using QuantBench.Formats.Gguf;
using QuantBench.Models.Inspection;
using QuantBench.Models.Mlx;
using QuantBench.Models.Synthesis;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Inspection;

/// <summary>What files hold, and what isn't as they say.</summary>
public sealed class ModelInspectorTests
{
    private static readonly SyntheticShape s_shape = new()
    {
        Name = "inspected",
        Architecture = "llama",
        Layers = 8,
        Embedding = 256,
        FeedForward = 512,
        Heads = 4,
        KvHeads = 2,
        Vocabulary = 512,
    };

    [Theory]
    [InlineData("Q4_K_M")]
    [InlineData("Q3_K_L")]
    [InlineData("MXFP4")]
    [InlineData("F16")]
    public void Inspect_FindsNoDeviation_InWhatTheQuantizerMakes(string scheme)
    {
        using var scratch = new TemporaryDirectory();
        string path = Gguf(scratch, scheme, scheme);

        ModelInspection inspection = ModelInspector.Inspect(path);

        Assert.Equal($"gguf:{scheme}", inspection.Claim);
        Assert.Empty(inspection.Deviations);
        using GgufReader reader = GgufReader.Open(path);
        Assert.Equal(reader.TensorBytes, inspection.Bytes);
        Assert.Equal(reader.ParameterCount, inspection.Elements);
        Assert.Equal(SchemeCheck.LayerBits(reader), inspection.LayerBits);
        Assert.Equal(8, inspection.Groups.Where(g => g.Name == "ffn_down").Sum(g => g.Tensors)); // one per layer
    }

    [Theory]
    [InlineData("Q4_K_M", "Q5_K_S", "ffn_down: 4 of 8 are Q5_K, where Q4_K_M has Q6_K")] // a label put on another scheme's tensors
    [InlineData("Q4_K_M", "F16", "that isn't Q4_K_M")]
    [InlineData("Q6_K", "Q5_K_M", "attn_q: 8 of 8 are Q5_K, where Q6_K has Q6_K")]
    public void Inspect_SaysWhatDeviates_FromTheLabel(string label, string real, string said)
    {
        using var scratch = new TemporaryDirectory();

        ModelInspection inspection = ModelInspector.Inspect(Gguf(scratch, real, label));

        Assert.Equal($"gguf:{label}", inspection.Claim);
        Assert.Contains(inspection.Deviations, d => d.Contains(said, StringComparison.Ordinal));
    }

    /// <summary>Experts change what the quantizer gives attention, and are tensors of three dimensions.</summary>
    [Theory]
    [InlineData("llama", "Q4_K_M")]
    [InlineData("llama", "Q2_K")]
    [InlineData("deepseek2", "Q4_K_M")]
    [InlineData("deepseek2", "IQ2_XS")]
    [InlineData("deepseek2", "MXFP4_MOE")]
    public void Inspect_FindsNoDeviation_InExperts(string architecture, string scheme)
    {
        using var scratch = new TemporaryDirectory();
        SyntheticShape shape = s_shape with { Architecture = architecture, Experts = 8, ExpertsUsed = 2, ExpertFeedForward = 512 };
        if (architecture == "deepseek2")
            shape = shape with { Latent = new(256, 256, 256, 32, 64), LeadingDense = 1, SharedFeedForward = 256, Layers = 16 };
        string path = scratch.Combine("experts.gguf"), other = scratch.Combine("other.gguf");
        ModelSynthesizer.Write(path, shape, scheme, 1, CancellationToken.None);
        ModelSynthesizer.Write(other, shape, "Q6_K", 1, CancellationToken.None);

        Assert.Empty(ModelInspector.Inspect(path).Deviations);
        Assert.Contains(ModelInspector.Inspect(Relabelled(other, scratch.Combine("labelled.gguf"), "Q5_K_S")).Deviations,
            d => d.Contains("ffn_down_exps: ", StringComparison.Ordinal) && d.Contains("are Q6_K", StringComparison.Ordinal));
    }

    [Fact]
    public void Inspect_SaysThatAFileSaysNothing()
    {
        using var scratch = new TemporaryDirectory();

        ModelInspection inspection = ModelInspector.Inspect(Gguf(scratch, "Q4_0", null));

        Assert.Null(inspection.Claim);
        Assert.Contains("general.file_type", Assert.Single(inspection.Deviations), StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_ReadsDirectories()
    {
        using var scratch = new TemporaryDirectory();
        string mixed = scratch.Combine("mixed");
        var eight = new MlxQuantization(8, 64);
        HuggingFaceToMlx.Convert(ReferenceModel.Directory, mixed, new MlxQuantization(MlxMode.Mxfp4),
            module => module.EndsWith("down_proj", StringComparison.Ordinal) ? eight : new MlxQuantization(MlxMode.Mxfp4),
            new Progress<double>(), CancellationToken.None);

        ModelInspection floats = ModelInspector.Inspect(ReferenceModel.Directory);
        ModelInspection inspection = ModelInspector.Inspect(mixed);

        Assert.Equal((null, 16.0), (floats.Claim, floats.BitsPerWeight));
        Assert.Empty(floats.Deviations);
        Assert.Equal(floats.Elements, inspection.Elements);
        Assert.Equal("mlx:mxfp4", inspection.Claim);
        Assert.Contains("mlp.down_proj: 6 of 6 are 8 bits, groups of 64", Assert.Single(inspection.Deviations), StringComparison.Ordinal);
        Assert.Equal(4.25, inspection.Groups.Single(g => g.Name == "mlp.up_proj").BitsPerWeight);
        Assert.Equal("E2M1, groups of 32", inspection.Groups.Single(g => g.Name == "mlp.up_proj").Type);
    }

    private static string Gguf(TemporaryDirectory scratch, string real, string? label)
    {
        string path = scratch.Combine("real.gguf"), labelled = scratch.Combine("labelled.gguf");
        ModelSynthesizer.Write(path, s_shape, real, 1, CancellationToken.None);
        return Relabelled(path, labelled, label);
    }

    private static string Relabelled(string path, string labelled, string? label)
    {
        using GgufReader reader = GgufReader.Open(path);
        var metadata = new GgufMetadata(labelled);
        foreach ((string key, object value) in reader.Metadata.Where(m => m.Key != GgufConstants.FileType)) metadata.Add(key, value);
        if (label is not null)
            metadata.Add(GgufConstants.FileType, (uint)QuantBench.Core.Variants.QuantSchemes.Find("gguf", label)!.FileType); // a known name
        using var writer = new GgufWriter(File.Create(labelled), metadata,
            [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions))]);
        foreach (GgufTensorInfo tensor in reader.Tensors) writer.Append(reader.Span(tensor));
        writer.Complete();
        return labelled;
    }
}
