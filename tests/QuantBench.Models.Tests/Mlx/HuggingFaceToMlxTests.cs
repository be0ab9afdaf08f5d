using System.Security.Cryptography;
using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Directories;
using QuantBench.Models.Mlx;
using QuantBench.Models.Tests.Weights;
using QuantBench.Models.Weights;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Mlx;

public sealed class HuggingFaceToMlxTests
{
    private static readonly MlxQuantization s_four = new(4, 64);

    public static TheoryData<int> Bits => [2, 3, 4, 5, 6, 8];

    [Theory]
    [MemberData(nameof(Bits))]
    public void Convert_GivesTheGoldenTensors_OfTheReferenceModel(int bits)
    {
        using var output = new TemporaryDirectory();

        HuggingFaceToMlx.Convert(ReferenceModel.Directory, output.Path, new MlxQuantization(bits, 64), new Progress<double>(),
            CancellationToken.None);

        JsonElement goldens = Golden.Read("mlx.json");
        JsonElement golden = goldens.GetProperty("model").EnumerateArray().Single(g => g.Int("bits") == bits);
        string module = goldens.GetProperty("module").GetString() ?? "";
        using SafetensorsWeights weights = SafetensorsWeights.Open(output.Path);
        foreach (string part in (string[])["weight", "scales", "biases"])
        {
            SafetensorsTensorInfo tensor = weights.Model.Tensors[$"{module}.{part}"];
            byte[] bytes = weights.Model.Span(tensor, 0, (int)tensor.ByteSize).ToArray();
            Assert.Equal(golden.GetProperty(part).GetString(), Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
    }

    [Fact]
    public void Convert_QuantizesEmbeddingsAndLinearLayers_AndKeepsTheRest()
    {
        using var output = new TemporaryDirectory();
        using SafetensorsModel source = SafetensorsModel.Open(ReferenceModel.Directory);

        HuggingFaceToMlx.Convert(ReferenceModel.Directory, output.Path, s_four, new Progress<double>(), CancellationToken.None);

        using SafetensorsWeights weights = SafetensorsWeights.Open(output.Path);
        Assert.Equal(WeightFormat.Mlx, weights.Format);
        foreach (SafetensorsTensorInfo tensor in source.Tensors.Values)
        {
            string module = tensor.Name[..^".weight".Length];
            if (tensor.Shape.Length == 2) Assert.Equal(s_four, Assert.IsType<MlxMatrix>(weights.Matrix(module)).Quantization);
            else Assert.Equal(tensor with { Offset = 0 }, weights.Model.Tensors[tensor.Name] with { Offset = 0, Shape = tensor.Shape });
        }

        Assert.Equal(File.ReadAllBytes(Path.Combine(ReferenceModel.Directory, "tokenizer.json")),
            File.ReadAllBytes(Path.Combine(output.Path, "tokenizer.json")));
        JsonElement config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(output.Path, "config.json"))).RootElement;
        Assert.Equal("""{"group_size":64,"bits":4,"mode":"affine"}""", JsonSerializer.Serialize(config.GetProperty("quantization")));
        Assert.Equal("""{"group_size":64,"bits":4,"mode":"affine"}""", JsonSerializer.Serialize(config.GetProperty("quantization_config")));
        Assert.Equal(256, config.GetProperty("hidden_size").GetInt32());
        JsonElement index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(output.Path, "model.safetensors.index.json"))).RootElement;
        Assert.Equal(weights.Model.Tensors.Values.Sum(t => t.ByteSize), index.GetProperty("metadata").GetProperty("total_size").GetInt64());
        Assert.Equal(source.Tensors.Values.Sum(t => t.ElementCount),
            index.GetProperty("metadata").GetProperty("total_parameters").GetInt64());
    }

    [Fact]
    public void Convert_FollowsSettingsByLayer()
    {
        using var output = new TemporaryDirectory();
        var eight = new MlxQuantization(8, 32);
        MlxQuantization? SettingsOf(string module) =>
            module.EndsWith("down_proj", StringComparison.Ordinal) ? eight
                : module.EndsWith("q_proj", StringComparison.Ordinal) ? null : s_four;

        HuggingFaceToMlx.Convert(ReferenceModel.Directory, output.Path, s_four, SettingsOf, new Progress<double>(), CancellationToken.None);

        using SafetensorsWeights weights = SafetensorsWeights.Open(output.Path);
        using SafetensorsModel source = SafetensorsModel.Open(ReferenceModel.Directory);
        Assert.Equal(eight, Assert.IsType<MlxMatrix>(weights.Matrix("model.layers.3.mlp.down_proj")).Quantization);
        Assert.Equal(s_four, Assert.IsType<MlxMatrix>(weights.Matrix("model.layers.3.mlp.up_proj")).Quantization);
        IWeightMatrix kept = Assert.IsType<FloatMatrix>(weights.Matrix("model.layers.3.self_attn.q_proj"));
        FloatMatrix original = FloatMatrix.Open(source, "", "model.layers.3.self_attn.q_proj.weight");
        Assert.Equal(Row(original, 17), Row(kept, 17));
    }

    [Fact]
    public void Convert_KeepsFloats_WhenRowsAreNotWholeGroups()
    {
        byte[] embedding = Bytes(2 * 128);
        using WeightDirectory source = new WeightDirectory()
            .Add("a.weight", SafetensorsDType.F32, [3, 96], Bytes(3 * 96))
            .Add("b.weight", SafetensorsDType.F32, [2, 128], Bytes(2 * 128))
            .Add("model.embed_tokens.weight", SafetensorsDType.F32, [2, 128], embedding)
            .Add("lm_head.weight", SafetensorsDType.F32, [2, 128], embedding)
            .Add("a.bias", SafetensorsDType.F32, [3], Bytes(3))
            .Write("""{ "tie_word_embeddings": true, "torch_dtype": null }""");
        using var output = new TemporaryDirectory();

        HuggingFaceToMlx.Convert(source.Path, output.Path, s_four, new Progress<double>(), CancellationToken.None);

        using SafetensorsWeights weights = SafetensorsWeights.Open(output.Path);
        Assert.IsType<FloatMatrix>(weights.Matrix("a"));
        MlxMatrix quantized = Assert.IsType<MlxMatrix>(weights.Matrix("b"));
        Assert.DoesNotContain("lm_head.weight", weights.Model.Tensors.Keys); // tied: a copy of the embedding
        Assert.Equal(weights.Vector("a.bias", 3), SafetensorsWeightsOf(source, "a.bias"));
        float[] rows = new float[256];
        quantized.ReadRows(0, 2, rows);
        WeightMatrixReads.AssertRows(rows, quantized);
    }

    [Fact]
    public void Convert_GivesTheSameBytes_Again()
    {
        using var first = new TemporaryDirectory();
        using var second = new TemporaryDirectory();
        HuggingFaceToMlx.Convert(ReferenceModel.Directory, first.Path, s_four, new Progress<double>(), CancellationToken.None);
        HuggingFaceToMlx.Convert(ReferenceModel.Directory, second.Path, s_four, new Progress<double>(), CancellationToken.None);

        foreach (string file in Directory.EnumerateFiles(first.Path))
        {
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(second.Path, Path.GetFileName(file))));
        }
    }

    [Fact]
    public void Convert_Refuses_WhenTheSourceIsQuantized()
    {
        using WeightDirectory source = new WeightDirectory().Add("a.weight", SafetensorsDType.F32, [1, 64], Bytes(64))
            .Write("""{ "quantization_config": { "quant_method": "gptq" } }""");
        using var output = new TemporaryDirectory();

        Assert.Throws<UnsupportedException>(() =>
            HuggingFaceToMlx.Convert(source.Path, output.Path, s_four, new Progress<double>(), CancellationToken.None));
    }

    [Fact]
    public void Convert_Stops_WhenCancelled()
    {
        using var output = new TemporaryDirectory();

        Assert.Throws<OperationCanceledException>(
            () => HuggingFaceToMlx.Convert(ReferenceModel.Directory, output.Path, s_four, new Progress<double>(),
                new CancellationToken(canceled: true)));
    }

    private static byte[] Bytes(int count) => [.. NormalSamples.Of(count, seed: count).SelectMany(BitConverter.GetBytes)];

    private static float[] Row(IWeightMatrix matrix, int row)
    {
        float[] values = new float[matrix.Columns];
        matrix.ReadRows(row, 1, values);
        return values;
    }

    private static float[] SafetensorsWeightsOf(WeightDirectory model, string tensor)
    {
        using SafetensorsWeights weights = model.Open();
        return weights.Vector(tensor, 3);
    }
}
