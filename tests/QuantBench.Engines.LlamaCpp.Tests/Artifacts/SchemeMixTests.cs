using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Engines.LlamaCpp.Artifacts;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Models.Synthesis;

namespace QuantBench.Engines.LlamaCpp.Tests.Artifacts;

/// <summary>Synthetic models have the tensor types that llama.cpp's quantizer gives the same model.</summary>
[Collection(LlamaCollection.Name)]
public sealed class SchemeMixTests(LlamaFixture fixture)
{
    private static readonly ImmutableArray<SyntheticShape> s_shapes =
    [
        // 16 layers, so that the first eighth and sixteenth, the last eighth and every third differ; four query heads per key head, tied.
        Shape("shared", "llama", heads: 4, kvHeads: 1, embedding: 256, ties: true),
        // Fused matrices, one query head per key head, an output head of its own.
        Shape("fused", "phi3", heads: 2, kvHeads: 2, embedding: 256, ties: false),
        // Rows that aren't whole superblocks, as qwen2.5-0.5b's.
        Shape("odd", "qwen2", heads: 2, kvHeads: 1, embedding: 128, ties: true),
    ];

    public static TheoryData<string> Schemes =>
        [.. QuantSchemes.All.Where(s => s.TakesTensorTypes && s.Name != "MXFP4_MOE" && ModelSynthesizer.Schemes.Contains(s.Name))
            .Select(s => s.Name)];

    [Theory]
    [MemberData(nameof(Schemes))]
    public void Write_GivesEveryTensorTheTypeOfTheQuantizer(string scheme)
    {
        var builder = new LlamaQuantizeBuilder(fixture.Environment);
        bool weighted = QuantSchemes.Find("gguf", scheme)?.NeedsImportanceMatrix == true;

        // Types that need an importance matrix are searched for so long that one small shape must do; the others' mixes don't differ from
        // its.
        foreach (SyntheticShape shape in weighted ? [s_shapes[0] with { Name = "few", Layers = 8 }] : s_shapes)
        {
            string source = fixture.ScratchFile($"mix-{shape.Name}.gguf");
            if (!File.Exists(source)) ModelSynthesizer.Write(source, shape, "F32", 1, CancellationToken.None);
            string quantized = fixture.ScratchFile($"mix-{shape.Name}-{scheme}.gguf");
            string synthetic = fixture.ScratchFile($"mix-{shape.Name}-{scheme}-synthetic.gguf");
            var inputs = ImmutableSortedDictionary<string, string>.Empty.Add("gguf:F32", source);
            if (weighted) inputs = inputs.Add("imatrix", Evenly(source, shape));
            var request = new BuildRequest(BuilderFixture.Gguf(source), $"gguf:{scheme}{(weighted ? "+imatrix" : "")}", inputs, quantized,
                null, Threads: 2);

            // Too few rows are whole blocks: what comes of it isn't of the scheme, and both say so.
            if (shape.Name == "odd" && scheme is "Q2_K" or "TQ1_0" or "TQ2_0")
            {
                Exception refused = Assert.Throws<UnsupportedException>(() =>
                    ModelSynthesizer.Write(synthetic, shape, scheme, 1, CancellationToken.None));
                Exception refusedAlike = Assert.Throws<UnsupportedException>(() =>
                    builder.Build(request, new BuilderFixture.Progress(), CancellationToken.None));
                Assert.All([refused, refusedAlike], e => Assert.Contains($"that isn't {scheme}", e.Message, StringComparison.Ordinal));
                continue;
            }

            builder.Build(request, new BuilderFixture.Progress(), CancellationToken.None);
            ModelSynthesizer.Write(synthetic, shape, scheme.ToLowerInvariant(), 1, CancellationToken.None);

            Assert.Equal(Types(quantized), Types(synthetic));
            File.Delete(quantized);
            File.Delete(synthetic);
        }
    }

    /// <summary>Beside eight experts attention gets more bits; beside any other number it doesn't. With latent attention each head's
    /// keys and values are matrices of one tensor, and the lowest schemes count the shared experts' down-projections, too.</summary>
    [Theory]
    [InlineData("Q4_K_M")]
    [InlineData("Q3_K_M")]
    [InlineData("Q3_K_L")]
    [InlineData("Q2_K")]
    [InlineData("Q4_0")]
    [InlineData("IQ4_XS")]
    [InlineData("IQ2_XS")]
    [InlineData("MXFP4_MOE")]
    public void Write_GivesTheTypesOfTheQuantizer_WithExperts(string scheme)
    {
        SyntheticShape eight = Shape("eight", "llama", heads: 4, kvHeads: 1, embedding: 256, ties: false) with
        {
            FeedForward = 256,
            Experts = 8,
            ExpertsUsed = 2,
        };
        SyntheticShape five = Shape("five", "qwen2moe", heads: 4, kvHeads: 4, embedding: 256, ties: false) with
        {
            Experts = 5,
            ExpertsUsed = 2,
            ExpertFeedForward = 256,
            SharedFeedForward = 256,
        };
        SyntheticShape latent = Shape("latent", "deepseek2", heads: 4, kvHeads: 4, embedding: 256, ties: false) with
        {
            Latent = new(256, 256, 64, 32, 64),
            Experts = 2,
            ExpertsUsed = 1,
            ExpertFeedForward = 256,
            SharedFeedForward = 256,
            LeadingDense = 1,
        };
        bool weighted = QuantSchemes.Find("gguf", scheme)?.NeedsImportanceMatrix == true;
        // Codebooks are searched for so long that one shape must do.
        bool searched = scheme.StartsWith("IQ", StringComparison.Ordinal);
        foreach (SyntheticShape shape in searched ? (SyntheticShape[])[latent] : [eight, five, latent])
        {
            string source = fixture.ScratchFile($"mix-{shape.Name}.gguf");
            if (!File.Exists(source)) ModelSynthesizer.Write(source, shape, "F32", 1, CancellationToken.None);
            string quantized = fixture.ScratchFile($"mix-{shape.Name}-{scheme}.gguf");
            string synthetic = fixture.ScratchFile($"mix-{shape.Name}-{scheme}-synthetic.gguf");
            var inputs = ImmutableSortedDictionary<string, string>.Empty.Add("gguf:F32", source);
            if (weighted) inputs = inputs.Add("imatrix", Evenly(source, shape));
            var request = new BuildRequest(BuilderFixture.Gguf(source), $"gguf:{scheme}{(weighted ? "+imatrix" : "")}", inputs, quantized,
                null, Threads: 2);

            new LlamaQuantizeBuilder(fixture.Environment).Build(request, new BuilderFixture.Progress(), CancellationToken.None);
            ModelSynthesizer.Write(synthetic, shape, scheme, 1, CancellationToken.None);

            Assert.Equal(Types(quantized), Types(synthetic));
            File.Delete(quantized);
            File.Delete(synthetic);
        }
    }

    /// <summary>llama.cpp has no other type for rows that aren't whole blocks of 128.</summary>
    [Fact]
    public void Write_Refuses_WhereTheQuantizerDoes()
    {
        SyntheticShape shape = Shape("sixty-four", "llama", heads: 2, kvHeads: 1, embedding: 64, ties: true);
        string source = fixture.ScratchFile("mix-64.gguf");
        ModelSynthesizer.Write(source, shape, "F32", 1, CancellationToken.None);
        var request = new BuildRequest(BuilderFixture.Gguf(source), "gguf:Q1_0",
            ImmutableSortedDictionary<string, string>.Empty.Add("gguf:F32", source),
            fixture.ScratchFile("mix-64-out.gguf"), null, Threads: 2);

        UnsupportedException theirs = Assert.Throws<UnsupportedException>(() =>
            new LlamaQuantizeBuilder(fixture.Environment).Build(request, new BuilderFixture.Progress(), CancellationToken.None));
        UnsupportedException ours = Assert.Throws<UnsupportedException>(() =>
            ModelSynthesizer.Write(fixture.ScratchFile("mix-64-ours.gguf"), shape, "Q1_0", 1, CancellationToken.None));

        Assert.Contains("no tensor type fallback", theirs.Message, StringComparison.Ordinal);
        Assert.Contains("aren't whole blocks of Q1_0 (128)", ours.Message, StringComparison.Ordinal);
    }

    /// <summary>An importance matrix that holds every column for as important as any other.</summary>
    private string Evenly(string source, SyntheticShape shape)
    {
        string path = fixture.ScratchFile($"mix-{shape.Name}-imatrix.gguf");
        if (File.Exists(path)) return path;
        using GgufReader file = GgufReader.Open(source);
        var entries = new SortedDictionary<string, ImportanceEntry>(StringComparer.Ordinal);
        foreach (GgufTensorInfo tensor in file.Tensors.Where(t => t.Dimensions.Length >= 2))
        {
            int matrices = (int)tensor.Dimensions.Skip(2).FirstOrDefault(1);
            float[] ones = new float[(int)tensor.Dimensions[0] * matrices];
            Array.Fill(ones, 1);
            entries.Add(tensor.Name, new ImportanceEntry(ones, [.. Enumerable.Repeat(1L, matrices)]));
        }

        ImportanceMatrixFile.Write(fixture.Library, path, new ImportanceMatrix(entries, "even", 1, 1));
        return path;
    }

    private static IEnumerable<string> Types(string path)
    {
        using GgufReader file = GgufReader.Open(path);
        return [.. file.Tensors.Select(t => $"{t.Name} {t.Type}").Order(StringComparer.Ordinal)];
    }

    private static SyntheticShape Shape(string name, string architecture, int heads, int kvHeads, int embedding, bool ties) => new()
    {
        Name = name,
        Architecture = architecture,
        Layers = 16,
        Embedding = embedding,
        FeedForward = 256,
        Heads = heads,
        KvHeads = kvHeads,
        Vocabulary = 264,
        ContextLength = 64,
        TiesEmbeddings = ties,
    };
}
