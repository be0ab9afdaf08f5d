using System.Collections.Immutable;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;
using GgufHeader = QuantBench.Engines.LlamaCpp.Artifacts.GgufHeader;

namespace QuantBench.Engines.LlamaCpp.Tests.Artifacts;

[Collection(LlamaCollection.Name)]
public sealed class LlamaQuantizeBuilderTests(LlamaFixture fixture)
{
    /// <summary>The golden sizes are of files whose header lacks a few metadata keys that our converter writes.</summary>
    private const int MetadataSlack = 512;

    private readonly BuilderFixture _builders = new(fixture);

    /// <summary>Every GGUF scheme for dense models that is quantized, plain and, where it has to be, with an importance matrix.</summary>
    public static TheoryData<string> Schemes =>
        [.. QuantSchemes.All.Where(s => s.TakesTensorTypes && s.Name != "MXFP4_MOE")
            .Select(s => $"gguf:{s.Name}{(s.NeedsImportanceMatrix ? "+imatrix" : "")}")];

    [Theory]
    [MemberData(nameof(Schemes))]
    public void Build_MakesEveryScheme_ThatRunsAndHasLlamaQuantizesSize(string artifact)
    {
        Variant variant = Variant.Parse(artifact);
        Assert.True(_builders.Quantize.CanBuild(_builders.HuggingFace, artifact).IsSupported);

        string path = _builders.Build(artifact, variant.ShortName + ".gguf");

        Assert.Equal(new GgufHeader(variant.Scheme.FileType, variant.ImportanceMatrix), GgufHeader.Read(path));
        if (ExpectedSize(variant.ShortName) is { } size) Assert.InRange(new FileInfo(path).Length, size, size + MetadataSlack);
        else Assert.True(variant.ImportanceMatrix, "every scheme without importance matrix has a golden size");
        using (GgufReader made = GgufReader.Open(path))
        {
            double bits = Assert.NotNull(SchemeCheck.LayerBits(made));
            Assert.Null(SchemeCheck.Fallbacks(made, variant.Scheme));
            Assert.True(variant.Scheme.ClassAt(bits) == variant.Scheme.PrecisionClass, $"{bits:F2} bits");
        }

        using ILoadedModel model =
            fixture.Engine.Load(LlamaFixture.Artifact(path, artifact), "cpu", new LoadOptions { Threads = 2 }, CancellationToken.None);
        using IInferenceSession session = model.CreateSession(new SessionOptions { ContextLength = 256, Threads = 2 });
        float[][] rows = session.Rows(TokenBatches.Of(fixture.Tokens.AsSpan(0, 64)));
        double nll = Enumerable.Range(0, 63).Average(i => TokenBatches.Nll(rows[i], fixture.Tokens[i + 1]));
        Assert.InRange(nll, 1, 20); // F32 has 4.3; guessing 8.3; a model trained in floats may be worse than that in 1 or 2 bits
        File.Delete(path);
    }

    [Fact]
    public void Build_Refuses_WhenTheSchemeIsForExperts()
    {
        UnsupportedException error = Assert.Throws<UnsupportedException>(() => _builders.Build("gguf:MXFP4_MOE", "dense.gguf"));

        Assert.Contains("42 × Q8_0, 8.50 bits per weight: that isn't MXFP4_MOE", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Rows of 288 weights are whole blocks of 32 and not of 256: types of 5 and 8 bits stand in.</summary>
    [Theory]
    [InlineData("gguf:Q4_K_M", PrecisionClass.Medium, "of the layers are 12 × Q5_0 and 2 × Q8_0 instead of Q4_K_M's types")]
    [InlineData("gguf:Q3_K_M", PrecisionClass.Low, "instead of Q3_K_M's types: their rows aren't whole blocks of 256")]
    [InlineData("gguf:Q4_0", PrecisionClass.Low, null)]
    public void Class_FollowsFromMeasuredBits_WhereRowsAreNoWholeSuperblocks(string artifact, PrecisionClass expected, string? said)
    {
        string floats = fixture.ScratchFile("h288.gguf");
        ModelSynthesizer.Write(floats, new SyntheticShape
        {
            Name = "h288",
            Architecture = "llama",
            Layers = 2,
            Embedding = 288,
            FeedForward = 736,
            Heads = 4,
            KvHeads = 2,
            Vocabulary = 512,
        }, "F16", 1, CancellationToken.None);
        var variant = Variant.Parse(artifact);

        string path = _builders.Build(artifact, "h288-out.gguf", BuilderFixture.Gguf(floats));

        using GgufReader made = GgufReader.Open(path);
        Assert.Equal(expected, variant.Scheme.ClassAt(Assert.NotNull(SchemeCheck.LayerBits(made))));
        if (said is null) Assert.Null(SchemeCheck.Fallbacks(made, variant.Scheme));
        else Assert.Contains(said, SchemeCheck.Fallbacks(made, variant.Scheme), StringComparison.Ordinal);
    }

    /// <summary>Rows of 80 weights are no whole blocks of 256, nor of 32: llama.cpp v0.5.0 writes F16, and says Q4_K_M all the same;
    /// the build from NuGet refuses.</summary>
    [Theory]
    [InlineData("gguf:Q4_K_M", "16.00 bits per weight: that isn't Q4_K_M")]
    [InlineData("gguf:TQ2_0", "16.00 bits per weight: that isn't TQ2_0")]
    [InlineData("gguf:Q8_0", "16.00 bits per weight: that isn't Q8_0")]
    public void Build_Refuses_WhenRowsAreNoWholeBlocks(string artifact, string reason)
    {
        string floats = fixture.ScratchFile("h80.gguf");
        ModelSynthesizer.Write(floats, new SyntheticShape
        {
            Name = "h80",
            Architecture = "llama",
            Layers = 2,
            Embedding = 80,
            FeedForward = 176,
            Heads = 4,
            KvHeads = 2,
            HeadWidth = 20,
            Vocabulary = 264,
            ContextLength = 256,
        }, "F32", 1, CancellationToken.None);

        UnsupportedException error =
            Assert.Throws<UnsupportedException>(() => _builders.Build(artifact, "h80-out.gguf", BuilderFixture.Gguf(floats)));

        Assert.Contains(fixture.Version == LlamaInstallation.WantedRelease ? reason : "no tensor type fallback", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Build_Refuses_WhenAWeightIsNoNumber()
    {
        string path = fixture.ScratchFile("nan.gguf");
        byte[] bytes = File.ReadAllBytes(fixture.F32.Path);
        using (GgufReader reader = GgufReader.Open(fixture.F32.Path))
        {
            GgufTensorInfo tensor = reader.Find("blk.3.ffn_up.weight")!; // every layer has one
            BitConverter.TryWriteBytes(bytes.AsSpan((int)tensor.Offset + (4 * ((256 * 7) + 11))), float.NaN);
        }

        File.WriteAllBytes(path, bytes);

        ModelFormatException error =
            Assert.Throws<ModelFormatException>(() => _builders.Build("gguf:Q4_0", "nan-out.gguf", BuilderFixture.Gguf(path)));

        Assert.Contains("'blk.3.ffn_up.weight' at [7, 11] is not a number", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Q8_0")]
    [InlineData("Q1_0")]
    [InlineData("Q2_0")]
    [InlineData("TQ1_0")]
    [InlineData("TQ2_0")]
    [InlineData("MXFP4_MOE")]
    public void CanBuild_RefusesAnImportanceMatrix_WhereItChangesNothing(string scheme)
    {
        Assert.True(QuantSchemes.Find("gguf", scheme)!.IgnoresImportanceMatrix); // a known name
        Assert.Contains($"gguf:{scheme} to the byte", _builders.Quantize.CanBuild(_builders.HuggingFace, $"gguf:{scheme}+imatrix").Reason,
            StringComparison.Ordinal);
    }

    /// <summary>The flag is right: only schemes that have it are the same bytes with a matrix as without.</summary>
    [Theory]
    [InlineData("Q8_0")]
    [InlineData("Q1_0")]
    [InlineData("Q2_0")]
    [InlineData("TQ1_0")]
    [InlineData("TQ2_0")]
    [InlineData("Q4_0")]
    [InlineData("IQ4_NL")]
    [InlineData("Q6_K")]
    public void IgnoresImportanceMatrix_IsWhereTensorsStayTheSame(string scheme)
    {
        using GgufReader plain = GgufReader.Open(_builders.Build($"gguf:{scheme}", "plain.gguf"));
        using GgufReader guided = GgufReader.Open(_builders.Build($"gguf:{scheme}+imatrix", "guided.gguf"));

        bool same = plain.Tensors.All(t => plain.Span(t).SequenceEqual(guided.Span(guided.Find(t.Name)!))); // the same tensors

        Assert.Equal(QuantSchemes.Find("gguf", scheme)!.IgnoresImportanceMatrix, same);
    }

    /// <summary>llama.cpp aborts on tensors at 8 bytes.</summary>
    [Fact]
    public void Build_LaysFilesOutAnew_WhoseTensorsLieElsewhere()
    {
        string path = fixture.ScratchFile("eight.gguf");
        using (GgufReader reader = GgufReader.Open(fixture.F32.Path))
        {
            var metadata = new GgufMetadata(path);
            foreach ((string key, object value) in reader.Metadata) metadata.Add(key, value);
            metadata.Add("general.alignment", 8u);
            metadata.Add("odd", new string('x', 8 - (int)(reader.Header.DataOffset % 8))); // moves the data
            using var writer = new GgufWriter(File.Create(path), metadata,
                [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions))]);
            foreach (GgufTensorInfo tensor in reader.Tensors) writer.Append(reader.Span(tensor));
            writer.Complete();
        }

        string made = _builders.Build("gguf:Q4_0", "eight-out.gguf", BuilderFixture.Gguf(path));
        string expected = _builders.Build("gguf:Q4_0", "eight-expected.gguf");

        using GgufReader a = GgufReader.Open(made), b = GgufReader.Open(expected);
        Assert.All(b.Tensors, t => Assert.True(b.Span(t).SequenceEqual(a.Span(a.Find(t.Name)!)))); // the same model
        Assert.False(File.Exists(made + ".input"));
        string copied = fixture.ScratchFile("eight-copy.gguf");
        new GgufCopyBuilder().Build(_builders.Request("gguf:F32", copied, BuilderFixture.Gguf(path)), new BuilderFixture.Progress(),
            CancellationToken.None);
        using ILoadedModel model =
            fixture.Engine.Load(LlamaFixture.Artifact(copied, "gguf:F32"), "cpu", new LoadOptions { Threads = 2 }, CancellationToken.None);
        Assert.Equal(4096, model.VocabularySize);
    }

    /// <summary>llama.cpp loads each of these, and ends the process at the first token.</summary>
    [Theory]
    [InlineData("blk.0.attn_norm.weight", GgmlType.F16, "norms of F32 only, and 'blk.0.attn_norm.weight' is of F16")]
    [InlineData("blk.0.attn_norm.weight", GgmlType.I32, "norms of F32 only")]
    [InlineData("blk.0.attn_q.weight", GgmlType.I8, "doesn't multiply matrices of type I8 ('blk.0.attn_q.weight')")]
    [InlineData("blk.0.attn_q.weight", GgmlType.Q8_1, "type Q8_1")]
    [InlineData("blk.0.attn_q.weight", GgmlType.Q8_K, "type Q8_K")]
    [InlineData("blk.0.attn_q.weight", GgmlType.F64, "type F64")]
    public void CanRun_RefusesTypesThatItCantComputeWith(string name, GgmlType type, string reason)
    {
        string path = fixture.ScratchFile("types.gguf");
        using (GgufReader reader = GgufReader.Open(fixture.F32.Path))
        {
            GgufTensorSpec[] specs =
                [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Name == name ? type : t.Type, t.Dimensions))];
            using var writer = new GgufWriter(File.Create(path), reader.Metadata, [.. specs]);
            foreach (GgufTensorSpec spec in specs) writer.Append(new byte[spec.ByteSize]);
            writer.Complete();
        }

        Assert.Contains(reason, fixture.Engine.CanRun(LlamaFixture.Artifact(path, "gguf:F32"), "cpu").Reason, StringComparison.Ordinal);
        Assert.True(fixture.Engine.CanRun(LlamaFixture.Artifact(fixture.F32.Path, "gguf:F32"), "cpu").IsSupported);
    }

    /// <summary>llama.cpp loads each of these, and takes it for another model than its metadata says.</summary>
    [Theory]
    [InlineData("llama.attention.causal", false, "encoders, whose tokens see those behind them")]
    [InlineData("llama.rope.scaling.factor", -2f, "'llama.rope.scaling.factor' is -2")]
    [InlineData("llama.rope.scaling.factor", float.NaN, "'llama.rope.scaling.factor' is NaN")]
    [InlineData("llama.rope.scale_linear", -1f, "'llama.rope.scale_linear' is -1")]
    [InlineData("llama.rope.scaling.type", "yarn", "'yarn' needs 'llama.rope.scaling.original_context_length'")]
    public void CanRun_RefusesModels_ThatItWouldComputeAsOthers(string key, object value, string reason)
    {
        string path = fixture.ScratchFile("metadata.gguf");
        using (GgufReader reader = GgufReader.Open(fixture.F32.Path))
        {
            var metadata = new GgufMetadata(path);
            foreach ((string name, object old) in reader.Metadata.Where(e => e.Key != key)) metadata.Add(name, old);
            metadata.Add(key, value);
            using var writer = new GgufWriter(File.Create(path), metadata,
                [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions))]);
            foreach (GgufTensorInfo tensor in reader.Tensors) writer.Append(reader.Span(tensor));
            writer.Complete();
        }

        Assert.Contains(reason, fixture.Engine.CanRun(LlamaFixture.Artifact(path, "gguf:F32"), "cpu").Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_SaysWhy_WhenTheModelsNameAsksForTokens()
    {
        string path = fixture.ScratchFile("named.gguf");
        using (GgufReader reader = GgufReader.Open(fixture.F32.Path))
        {
            var metadata = new GgufMetadata(path);
            foreach ((string key, object value) in reader.Metadata) metadata.Add(key, key == "general.name" ? "tiny-phi3" : value);
            using var writer = new GgufWriter(File.Create(path), metadata,
                [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions))]);
            foreach (GgufTensorInfo tensor in reader.Tensors) writer.Append(reader.Span(tensor));
            writer.Complete();
        }

        ModelFormatException error = Assert.Throws<ModelFormatException>(() =>
            fixture.Engine.Load(LlamaFixture.Artifact(path, "gguf:F32"), "cpu", new LoadOptions { Threads = 2 }, CancellationToken.None));

        Assert.Contains("special tokens by the model's name", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CanBuild_BelievesTensors_NotTheirLabel()
    {
        string path = fixture.ScratchFile("label.gguf");
        using (GgufReader reader = GgufReader.Open(fixture.F32.Path))
        {
            var metadata = new GgufMetadata(path);
            foreach ((string key, object value) in reader.Metadata) metadata.Add(key, key == "general.file_type" ? 15u : value);
            using var writer = new GgufWriter(File.Create(path), metadata,
                [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions))]);
            foreach (GgufTensorInfo tensor in reader.Tensors) writer.Append(reader.Span(tensor));
            writer.Complete();
        }

        string? reason = _builders.Quantize.CanBuild(BuilderFixture.Gguf(path), "gguf:Q4_K_M").Reason;

        Assert.Contains("42 × F32, 32.00 bits per weight: that isn't Q4_K_M", reason, StringComparison.Ordinal);
        Assert.Contains("that isn't Q4_K_M", new GgufCopyBuilder().CanBuild(BuilderFixture.Gguf(path), "gguf:Q4_K_M").Reason,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gguf:F16")]
    [InlineData("gguf:BF16")]
    public void Build_MakesHalfFloats_WhenTheSourceIsAnF32File(string artifact)
    {
        string path = _builders.Build(artifact, "half.gguf", BuilderFixture.Gguf(fixture.F32.Path));

        long size = ExpectedSize(Variant.Parse(artifact).ShortName) ?? 0;
        Assert.InRange(new FileInfo(path).Length, size, size + MetadataSlack);
    }

    [Fact]
    public void Build_MakesWeightsWhoseRepackedCopiesAreCounted()
    {
        string path = _builders.Build("gguf:Q4_0", "repacked.gguf");

        using ILoadedModel model =
            fixture.Engine.Load(LlamaFixture.Artifact(path, "gguf:Q4_0"), "cpu", new LoadOptions { Threads = 2 }, CancellationToken.None);
        using IInferenceSession session = model.CreateSession(new SessionOptions { ContextLength = 256, Threads = 2 });

        // llama.cpp repacks Q4_0 for AVX2 and lists the copies as a buffer of their own beside the mapped file.
        bool repacked = ((LlamaModel)model).WeightBuffers.Any(b => b.BufferType == "CPU_REPACK");
        Assert.Equal(Avx2.IsSupported || Dp.IsSupported, repacked);
        Assert.Equal(((LlamaModel)model).WeightBuffers.Sum(b => b.Bytes), session.Memory.WeightsBytes);
    }

    [Fact]
    public void Build_GivesTheSameBytes_WhenItRunsTwice()
    {
        byte[] first = SHA256.HashData(File.ReadAllBytes(_builders.Build("gguf:Q4_K_M+imatrix", "one.gguf")));
        byte[] second = SHA256.HashData(File.ReadAllBytes(_builders.Build("gguf:Q4_K_M+imatrix", "two.gguf")));

        Assert.Equal(first, second);
    }

    [Fact]
    public void Build_UsesTheImportanceMatrix()
    {
        byte[] plain = File.ReadAllBytes(_builders.Build("gguf:Q4_K_S", "plain.gguf"));
        byte[] steered = File.ReadAllBytes(_builders.Build("gguf:Q4_K_S+imatrix", "steered.gguf"));

        Assert.NotEqual(plain[^1_000_000..], steered[^1_000_000..]); // weights, not only metadata
    }

    [Fact]
    public void Build_ReportsProgressUpToOne()
    {
        var progress = new BuilderFixture.Progress();

        _builders.Quantize.Build(_builders.Request("gguf:Q8_0", fixture.ScratchFile("progress.gguf")), progress, CancellationToken.None);

        Assert.Equal(1, progress.Values[^1]);
        Assert.True(progress.Values.Count > 10);
        Assert.Equal(progress.Values.Order(), progress.Values);
    }

    [Fact]
    public void Build_CopiesTheFile_WhenTheSourceHasThatSchemeAlready()
    {
        string source = _builders.Build("gguf:Q4_0", "source.gguf");

        string copy = _builders.Build("gguf:Q4_0", "copy.gguf", BuilderFixture.Gguf(source));

        Assert.Equal(File.ReadAllBytes(source), File.ReadAllBytes(copy));
    }

    [Fact]
    public void Build_Throws_WhenTheOutputCantBeWritten()
    {
        BuildRequest request = _builders.Request("gguf:Q8_0", fixture.ScratchFile(Path.Combine("no", "such", "directory.gguf")));

        EngineException e =
            Assert.Throws<EngineException>(() => _builders.Quantize.Build(request, new BuilderFixture.Progress(), CancellationToken.None));

        Assert.Contains("failed to quantize", e.Message, StringComparison.Ordinal); // llama.cpp's own words
    }

    [Fact]
    public void CanBuild_SuggestsTheImportanceMatrix_WhenTheSchemeNeedsOne()
    {
        Support support = _builders.Quantize.CanBuild(_builders.HuggingFace, "gguf:IQ2_XS");

        Assert.Contains("gguf:IQ2_XS+imatrix", support.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void CanBuild_SaysNo_WhenItIsNotItsWork()
    {
        string quantized = _builders.Build("gguf:Q4_0", "quantized.gguf");

        Assert.False(_builders.Quantize.CanBuild(_builders.HuggingFace, "gguf:F16").IsSupported);
        Assert.False(_builders.Quantize.CanBuild(_builders.HuggingFace, "safetensors:F16").IsSupported);
        Assert.False(_builders.Quantize.CanBuild(_builders.HuggingFace, "imatrix").IsSupported);
        Assert.False(_builders.Quantize.CanBuild(BuilderFixture.Gguf(fixture.F32.Path), "gguf:F16+imatrix").IsSupported);
        Assert.Contains("quantized already (Q4_0)", _builders.Quantize.CanBuild(BuilderFixture.Gguf(quantized), "gguf:Q8_0").Reason,
            StringComparison.Ordinal);
        Assert.True(_builders.Quantize.CanBuild(BuilderFixture.Gguf(fixture.F32.Path), "gguf:Q8_0").IsSupported);
    }

    [Fact]
    public void Recipe_NamesInputsAndFileType()
    {
        ArtifactRecipe plain = _builders.Quantize.Recipe(_builders.HuggingFace, "gguf:Q4_K_M", null);
        ArtifactRecipe steered = _builders.Quantize.Recipe(_builders.HuggingFace, "gguf:IQ2_XS+imatrix", null);
        ArtifactRecipe direct = _builders.Quantize.Recipe(BuilderFixture.Gguf(fixture.F32.Path), "gguf:Q4_K_M", null);

        Assert.Equal<string>(["gguf:F32"], plain.Inputs);
        Assert.Equal("15", plain.Parameters["ftype"]);
        Assert.Equal<string>(["gguf:F32", "imatrix"], steered.Inputs);
        Assert.Empty(direct.Inputs);
        Assert.StartsWith($"llama.cpp {fixture.Version}", plain.BuilderBuild, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_Throws_WhenTheImportanceMatrixIsNone()
    {
        BuildRequest request = _builders.Request("gguf:Q8_0", fixture.ScratchFile("never.gguf")) with
        {
            ArtifactName = "gguf:IQ2_XS+imatrix",
            InputPaths = ImmutableSortedDictionary<string, string>.Empty.Add("gguf:F32", fixture.F32.Path).Add("imatrix", fixture.F32.Path),
        };

        ModelFormatException e =
            Assert.Throws<ModelFormatException>(() =>
                _builders.Quantize.Build(request, new BuilderFixture.Progress(), CancellationToken.None));

        Assert.Contains("no importance matrix", e.Message, StringComparison.Ordinal);
    }

    private static long? ExpectedSize(string scheme)
    {
        using JsonDocument golden =
            JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "expected.json")));
        return golden.RootElement.GetProperty("size_bytes").TryGetProperty(scheme, out JsonElement size) ? size.GetInt64() : null;
    }
}
