using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Conversion;
using QuantBench.Models.Sources;

namespace QuantBench.Engines.LlamaCpp.Tests.Artifacts;

/// <summary>Types of single tensors, whole models of 4-bit floats, and files as their makers left them.</summary>
[Collection(LlamaCollection.Name)]
public sealed class GivenAndRecipeTests(LlamaFixture fixture)
{
    private readonly BuilderFixture _builders = new(fixture);

    [Fact]
    public void Build_GivesNamedTensorsTheirTypes_AndTheOthersTheSchemes()
    {
        const string Recipe = "gguf:Q4_K_M{blk.2.ffn_down=Q5_K,ffn_down=Q3_K,token_embd=Q8_0}";
        using GgufReader plain = GgufReader.Open(_builders.Build("gguf:Q4_K_M", "recipe-plain.gguf"));

        using GgufReader made = GgufReader.Open(_builders.Build(Recipe, "recipe.gguf"));

        foreach (GgufTensorInfo tensor in made.Tensors)
        {
            GgmlType expected = tensor.Name switch
            {
                "blk.2.ffn_down.weight" => GgmlType.Q5_K,
                "token_embd.weight" => GgmlType.Q8_0,
                _ when tensor.Name.EndsWith("ffn_down.weight", StringComparison.Ordinal) => GgmlType.Q3_K,
                _ => plain.Find(tensor.Name)!.Type, // the same model
            };
            Assert.True(expected == tensor.Type, $"{tensor.Name} is {tensor.Type}, not {expected}");
        }

        Assert.InRange(Nll(made.Files[0], Recipe), 1, 20);
    }

    [Theory]
    [InlineData("gguf:Q4_K_M{output=Q8_0}", "no tensor 'output'", "token_embd")] // the reference model's head is its embeddings
    [InlineData("gguf:Q4_K_M{blk.99.ffn_down=Q8_0}", "no tensor 'blk.99.ffn_down'", "Leave it out")]
    public void Build_Refuses_WhenARuleFitsNoTensor(string artifact, string reason, string hint)
    {
        UnsupportedException error = Assert.Throws<UnsupportedException>(() => _builders.Build(artifact, "recipe-none.gguf"));

        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(hint, error.Hint, StringComparison.Ordinal);
    }

    /// <summary>Artifacts made before there were rules keep their keys.</summary>
    [Fact]
    public void Recipe_NamesTheRules_OnlyWhereThereAreSome()
    {
        ArtifactRecipe plain = _builders.Quantize.Recipe(_builders.HuggingFace, "gguf:Q4_K_M", null);
        ArtifactRecipe ruled = _builders.Quantize.Recipe(_builders.HuggingFace, "gguf:Q4_K_M{output=Q8_0}", null);

        Assert.Equal(["checked", "copy", "ftype"], plain.Parameters.Keys);
        Assert.Equal("{output=Q8_0}", ruled.Parameters["tensors"]);
    }

    [Theory]
    [InlineData("NVFP4", 4.5, 0.35)]
    [InlineData("MXFP4", 4.25, 0.7)]
    public void Convert_MakesWholeModels_ThatLlamaCppReads(string scheme, double bits, double loss)
    {
        string path = fixture.ScratchFile($"{scheme}.gguf");
        using (GgufReader floats = GgufReader.Open(fixture.F32.Path))
            GgufFloat4.Convert(floats, path, Enum.Parse<GgmlType>(scheme), new BuilderFixture.Progress(), CancellationToken.None);

        using GgufReader made = GgufReader.Open(path);
        QuantScheme known = Variant.Parse($"gguf:{scheme}").Scheme;
        Assert.InRange(Assert.NotNull(SchemeCheck.LayerBits(made)), bits, bits + 0.001); // the factors' bytes
        Assert.Null(SchemeCheck.Refusal(made, known));
        Assert.Null(SchemeCheck.Fallbacks(made, known));
        Assert.Equal(GgmlType.Q6_K, made.Find("token_embd.weight")?.Type);
        Assert.Equal(known.FileType, (int?)made.FileType);
        Assert.InRange(Nll(path, $"gguf:{scheme}") - Nll(fixture.F32.Path, "gguf:F32"), -0.1, loss);
    }

    /// <summary>Where llama.cpp would leave a factor out, the figure would be of another model.</summary>
    [Fact]
    public void Refusal_NamesArchitectures_WhoseFactorsAreLeftOut()
    {
        Assert.Null(GgufFloat4.RefusalOf("llama", GgmlType.NVFP4));
        Assert.Null(GgufFloat4.RefusalOf("qwen2", GgmlType.MXFP4));
        Assert.Contains("qwen2", GgufFloat4.RefusalOf("qwen2", GgmlType.NVFP4), StringComparison.Ordinal);
    }

    /// <summary>Files whose type no scheme has, or that say none, are measured as they are; class by their bits.</summary>
    [Theory]
    [InlineData(39u)]
    [InlineData(1024u)]
    [InlineData(null)]
    public void Given_MeasuresAnyFile(uint? fileType)
    {
        string source = fixture.ScratchFile("given-source.gguf");
        string four = fixture.ScratchFile("given-four.gguf");
        using (GgufReader floats = GgufReader.Open(fixture.F32.Path))
            GgufFloat4.Convert(floats, four, GgmlType.NVFP4, new BuilderFixture.Progress(), CancellationToken.None);
        using (GgufReader reader = GgufReader.Open(four))
        {
            var metadata = new GgufMetadata(source);
            foreach ((string key, object value) in reader.Metadata.Where(m => m.Key != GgufConstants.FileType)) metadata.Add(key, value);
            if (fileType is { } type) metadata.Add(GgufConstants.FileType, type);
            using var writer = new GgufWriter(File.Create(source), metadata,
                [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions))]);
            foreach (GgufTensorInfo tensor in reader.Tensors) writer.Append(reader.Span(tensor));
            writer.Complete();
        }

        ModelSource given = BuilderFixture.Gguf(source);
        Assert.True(_builders.Quantize.CanBuild(given, "gguf:given").IsSupported);
        Assert.True(new GgufCopyBuilder().CanBuild(given, "gguf:given").IsSupported);
        Assert.Contains("gguf:given", new GgufCopyBuilder().CanBuild(given, "gguf:Q4_0").Reason, StringComparison.Ordinal);
        Assert.False(_builders.Quantize.CanBuild(_builders.HuggingFace, "gguf:given").IsSupported);

        string made = _builders.Build("gguf:given", "given.gguf", given);

        using GgufReader copy = GgufReader.Open(made), original = GgufReader.Open(source);
        Assert.All(original.Tensors, t => Assert.True(original.Span(t).SequenceEqual(copy.Span(copy.Find(t.Name)!)))); // the same model
        Assert.Equal(Nll(source, "gguf:given"), Nll(made, "gguf:given"));
        Assert.Equal(PrecisionClass.Low,
            Variant.Parse("gguf:given").Scheme.ClassAt(Assert.NotNull(SchemeCheck.LayerBits(copy))));
    }

    private double Nll(string path, string artifact)
    {
        using ILoadedModel model =
            fixture.Engine.Load(LlamaFixture.Artifact(path, artifact), "cpu", new LoadOptions { Threads = 2 }, CancellationToken.None);
        using IInferenceSession session = model.CreateSession(new SessionOptions { ContextLength = 256, Threads = 2 });
        float[][] rows = session.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 64)));
        return Enumerable.Range(0, 63).Average(i => TokenBatches.Nll(rows[i], fixture.Tokens[i + 1]));
    }
}
