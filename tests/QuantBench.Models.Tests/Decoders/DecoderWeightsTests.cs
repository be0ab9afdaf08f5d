using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;
using QuantBench.Models.Decoders;
using QuantBench.Models.Graphs;
using QuantBench.Models.Weights;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Decoders;

public sealed class DecoderWeightsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Open_GivesTheSame_FromBothFormats()
    {
        string source = TinyModel.Write(_directory.Combine("model"));
        string gguf = _directory.Combine("model.gguf");
        HuggingFaceToGguf.Convert(source, gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);

        using DecoderWeights fromDirectory = DecoderWeights.Open(source);
        using DecoderWeights fromFile = DecoderWeights.Open(gguf);

        Assert.Equal(Comparable(fromDirectory.Shape), Comparable(fromFile.Shape));
        foreach (string part in (string[])["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
        {
            string module = DecoderModules.InLayer(1, part);
            Assert.Equal(All(fromDirectory.Matrix(module)), All(fromFile.Matrix(module)));
        }

        Assert.Equal(All(fromDirectory.Matrix(DecoderModules.Embedding)), All(fromFile.Matrix(DecoderModules.Embedding)));
        Assert.Equal(fromDirectory.Norm(DecoderModules.FinalNorm, 64), fromFile.Norm(DecoderModules.FinalNorm, 64));
        fromFile.Release(DecoderModules.Embedding);
        Assert.Equal(All(fromDirectory.Matrix(DecoderModules.Embedding)), All(fromFile.Matrix(DecoderModules.Embedding)));
    }

    [Fact]
    public void Open_ReadsLlama3Scaling_AlikeFromBothFormats()
    {
        string source = TinyModel.Write(_directory.Combine("model"), change: c => c["rope_scaling"] = JsonNode.Parse(
            """{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}"""));
        string gguf = _directory.Combine("model.gguf");
        HuggingFaceToGguf.Convert(source, gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);

        using DecoderWeights fromDirectory = DecoderWeights.Open(source);
        using DecoderWeights fromFile = DecoderWeights.Open(gguf);

        Assert.Equal(fromDirectory.RopeFactors.Always, fromFile.RopeFactors.Always);
        Assert.Contains(8f, fromFile.RopeFactors.Always!); // written above
        Assert.Contains(1f, fromFile.RopeFactors.Always!);
    }

    [Theory]
    [InlineData("", 1.1386294361119891)] // 0.1 · ln 4 + 1
    [InlineData(""","attention_factor":0.8""", 0.8)]
    [InlineData(""","mscale":0.707,"mscale_all_dim":0.707""", 1)]
    [InlineData(""","mscale":1.0,"mscale_all_dim":0.5""", 1.1386294361119891 / 1.0693147180559945)]
    [InlineData(""","beta_fast":32.0,"beta_slow":1,"truncate":true""", 1.1386294361119891)]
    public void Open_ReadsYarnsAttentionFactor_AlikeFromBothFormats(string more, double factor)
    {
        string source = TinyModel.Write(_directory.Combine("model"), change: c => c["rope_scaling"] = JsonNode.Parse(
            """{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":64""" + more + "}"));
        string gguf = _directory.Combine("model.gguf");
        HuggingFaceToGguf.Convert(source, gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);

        using DecoderWeights fromDirectory = DecoderWeights.Open(source);
        using DecoderWeights fromFile = DecoderWeights.Open(gguf);
        float[] a = new float[16], b = new float[16];
        fromDirectory.RopeFactors.Angles(fromDirectory.Shape, 512).Fill(0, a);
        fromFile.RopeFactors.Angles(fromFile.Shape, 512).Fill(0, b);

        Assert.Equal(a, b);
        Assert.Equal(factor, a[0], 1e-6);
    }

    [Fact]
    public void Fill_TurnsByPositionOverWavelength()
    {
        float[] table = new float[16];
        using DecoderWeights weights = DecoderWeights.Open(TinyModel.Write(_directory.Combine("model")));
        DecoderShape shape = weights.Shape with { RopeBase = 100, RotatedWidth = 16, RopeScaling = new RopeScaling(0.5f, false, 1, 1) };

        new RotaryAngles(shape, null).Fill(6, table);

        for (int j = 0; j < 8; j++)
        {
            double angle = 3 * Math.Pow(100, -2.0 * j / 16);
            Assert.Equal(Math.Cos(angle), table[2 * j], 1e-6);
            Assert.Equal(Math.Sin(angle), table[(2 * j) + 1], 1e-6);
        }
    }

    [Fact]
    public void Open_NamesTheTensor_WhenOneHasNoPlace()
    {
        string path = _directory.Combine("odd.gguf");
        string source = TinyModel.Write(_directory.Combine("model"));
        string gguf = _directory.Combine("model.gguf");
        HuggingFaceToGguf.Convert(source, gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);
        using (GgufReader reader = GgufReader.Open(gguf))
        {
            using var writer = new GgufWriter(File.Create(path), reader.Metadata,
                [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions)),
                    new GgufTensorSpec("blk.0.attn_sinks.weight", GgmlType.F32, [1])]);
            foreach (GgufTensorInfo tensor in reader.Tensors) writer.Append(reader.Span(tensor));
            writer.Append(new byte[4]);
            writer.Complete();
        }

        UnsupportedException error = Assert.Throws<UnsupportedException>(() => DecoderWeights.Open(path));

        Assert.Contains("attn_sinks", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _directory.Dispose();

    /// <summary>GGUF files keep another name, and rows for neighbour rotation.</summary>
    private static DecoderShape Comparable(DecoderShape shape) => shape with { Name = "", NeoxRope = false };

    private static float[] All(IWeightMatrix matrix)
    {
        float[] values = new float[matrix.Rows * matrix.Columns];
        matrix.ReadRows(0, matrix.Rows, values);
        return values;
    }
}
