using System.Collections.Immutable;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Inference.Artifacts;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;
using QuantBench.TestKit;

namespace QuantBench.Inference.Tests.Artifacts;

/// <summary>Builders of directories: float safetensors, MLX, and copies of what is quantized already.</summary>
public sealed class DirectoryBuilderTests : IDisposable
{
    private const string Gptq = """{ "quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": true }""";
    private const string Awq = """{ "quant_method": "awq", "bits": 4, "group_size": -1, "version": "gemm" }""";
    private const string Bnb = """{ "quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4" }""";
    private const string Other = """{ "quant_method": "bitnet" }""";

    private static readonly IArtifactBuilder[] s_builders =
        [new HuggingFaceGgufBuilder(), new GgufCopyBuilder(), new HuggingFaceSafetensorsBuilder(), new HuggingFaceMlxBuilder(),
            new HuggingFacePackedBuilder(), new GgufFloat4Builder(), new DirectoryCopyBuilder()];

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(null, "safetensors:F32", "hf-to-safetensors")]
    [InlineData(null, "safetensors:bf16", "hf-to-safetensors")]
    [InlineData(null, "safetensors:F16+imatrix", null)] // floats aren't quantized
    [InlineData(null, "mlx:4bit-g64", "hf-to-mlx")]
    [InlineData(null, "mlx:3bit-g128", "hf-to-mlx")]
    [InlineData(null, "mlx:7bit-g64", null)]
    [InlineData(null, "mlx:mxfp4", "hf-to-mlx")]
    [InlineData(null, "mlx:mxfp8", "hf-to-mlx")]
    [InlineData(null, "compressed-tensors:nvfp4", "hf-to-packed")]
    [InlineData(null, "gptq:4bit-g128-rtn", "hf-to-packed")]
    [InlineData(null, "awq:4bit-g128-rtn", "hf-to-packed")]
    [InlineData(null, "gguf:NVFP4", "gguf-float4")]
    [InlineData(null, "gguf:MXFP4", "gguf-float4")]
    [InlineData(null, "gguf:given", null)] // for GGUF files
    [InlineData(null, "compressed-tensors:4bit-g128", null)] // read, not made
    [InlineData(null, "gptq:4bit-g128", null)] // read, not made
    [InlineData(Gptq, "gptq:4bit-g128", "directory-copy")]
    [InlineData(Gptq, "gptq:4bit-g64", null)]
    [InlineData(Gptq, "awq:4bit-g128", null)]
    [InlineData(Gptq, "gguf:F16", null)] // starts from float weights
    [InlineData(Gptq, "mlx:4bit-g64", null)]
    [InlineData(Gptq, "safetensors:F16", null)]
    [InlineData(Awq, "awq:4bit-channel", "directory-copy")]
    [InlineData(Bnb, "bnb:nf4", "directory-copy")]
    [InlineData(Bnb, "bnb:nf4-double", null)]
    [InlineData(Bnb, "gguf:NVFP4", null)]
    [InlineData(Bnb, "compressed-tensors:nvfp4", null)]
    [InlineData(Other, "gguf:F16", null)]
    [InlineData(Other, "gptq:4bit-g128", null)]
    public void CanBuild_OneBuilderOrNone(string? quantization, string artifact, string? expected)
    {
        ModelSource source = Source(quantization);

        string? builder = s_builders.Where(b => Asked(b).IsSupported).Select(b => b.Name).SingleOrDefault();

        Assert.Equal(expected, builder);
        Assert.All(s_builders, b => Assert.Equal(Asked(b).Reason is null, b.Name == expected));

        Support Asked(IArtifactBuilder one) => Support.Of(() => one.CanBuild(source, artifact));
    }

    [Theory]
    [InlineData("safetensors:F32", 32)]
    [InlineData("safetensors:BF16", 16)]
    [InlineData("mlx:8bit-g32", 9)] // two 16-bit numbers per 32 weights
    [InlineData("mlx:2bit-g64", 2.5)]
    [InlineData("mlx:mxfp4", 4.25)] // a byte per 32 weights
    [InlineData("mlx:nvfp4", 4.5)]
    [InlineData("mlx:mxfp8", 8.25)]
    public void Build_WritesADirectoryOfTheVariantsSize(string artifact, double bits)
    {
        ModelSource source = Source(null);
        string output = _directory.Combine("out");
        IArtifactBuilder builder = s_builders.Single(b => b.CanBuild(source, artifact).IsSupported);
        builder.Build(new BuildRequest(source, artifact, ImmutableSortedDictionary<string, string>.Empty, output, null, 1),
            new Progress<double>(), CancellationToken.None);

        ArtifactSize size = ArtifactInspector.Inspect(Variant.Parse(artifact).Format, output);

        Assert.InRange(size.WeightBytes * 8.0 / size.ParameterCount, bits, bits * 1.02); // norms stay floats
        Assert.Equal(ArtifactInspector.InspectSafetensors(source.Path).ParameterCount, size.ParameterCount);
        Assert.True(File.Exists(Path.Combine(output, "tokenizer.json")));
        Assert.Equal(ModelSource.OpenTokenizer(source).Encode("the cat"),
            ModelSource.OpenTokenizer(ModelSource.Open(output)).Encode("the cat"));
    }

    [Fact]
    public void Build_CopiesWhatIsTheVariantAlready_Exactly()
    {
        ModelSource floats = Source(null);
        string mlx = _directory.Combine("mlx"), output = _directory.Combine("copy");
        new HuggingFaceMlxBuilder().Build(
            new BuildRequest(floats, "mlx:4bit-g64", ImmutableSortedDictionary<string, string>.Empty, mlx, null, 1), new Progress<double>(),
            CancellationToken.None);
        File.WriteAllText(Path.Combine(mlx, "README.md"), "not part of the model");
        ModelSource source = ModelSource.Open(mlx);
        var builder = new DirectoryCopyBuilder();

        Assert.True(builder.CanBuild(source, "mlx:4bit-g64").IsSupported);
        builder.Build(
            new BuildRequest(source, "mlx:4bit-g64", ImmutableSortedDictionary<string, string>.Empty, output, null, 1),
            new Progress<double>(), CancellationToken.None);

        Assert.Equal(source.Sha256, ModelSource.Open(output).Sha256);
        Assert.False(File.Exists(Path.Combine(output, "README.md")));
        Assert.NotEqual(builder.Recipe(source, "mlx:4bit-g64", null), new HuggingFaceMlxBuilder().Recipe(floats, "mlx:4bit-g64", null));
    }

    [Theory]
    [InlineData("mlx:4bit-g64", "scales", 0x7E00)] // NaN
    [InlineData("mlx:4bit-g64", "biases", 0x7C00)] // infinity
    [InlineData("gptq:4bit-g128", "scales", 0x7C00)]
    [InlineData("awq:4bit-g128", "scales", 0xFE00)]
    public void Copy_RefusesAScaleThatIsNoNumber_NamingTensorAndIndex(string variant, string kind, int half)
    {
        string directory = _directory.Combine("damaged");
        DirectorySynthesizer.Write(directory, SyntheticShapes.Find("tiny") ?? throw new InvalidOperationException(), Variant.Parse(variant),
            1, CancellationToken.None);
        string file = Path.Combine(directory, "model.safetensors"), tensor = $"model.layers.1.mlp.down_proj.{kind}";
        byte[] bytes = File.ReadAllBytes(file);
        int header = (int)BitConverter.ToInt64(bytes);
        JsonNode entry = JsonNode.Parse(bytes.AsSpan(8, header))?[tensor] ?? throw new InvalidOperationException();
        int columns = (int?)entry["shape"]?[1] ?? 0;
        int at = 8 + header + ((int?)entry["data_offsets"]?[0] ?? 0) + (2 * (columns + 1)); // [1, 1]
        uint single = BitConverter.SingleToUInt32Bits((float)BitConverter.UInt16BitsToHalf((ushort)half));
        ushort value = (string?)entry["dtype"] == "BF16" ? (ushort)(single >> 16) : (ushort)half;
        BitConverter.TryWriteBytes(bytes.AsSpan(at), value);
        File.WriteAllBytes(file, bytes);

        ModelFormatException e = Assert.Throws<ModelFormatException>(() => new DirectoryCopyBuilder().Build(
            new BuildRequest(ModelSource.Open(directory), variant, ImmutableSortedDictionary<string, string>.Empty,
                _directory.Combine("copied"), null, 1), new Progress<double>(), CancellationToken.None));

        Assert.Equal(file, e.File);
        Assert.Contains($"'{tensor}' at [1, 1] is {(half == 0x7C00 ? "infinite" : "not a number")}", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory.Combine("copied")));
    }

    private ModelSource Source(string? quantization) => ModelSource.Open(TinyModel.Write(_directory.Combine("m"), change: config =>
    {
        if (quantization is not null) config["quantization_config"] = JsonNode.Parse(quantization);
    }));
}
