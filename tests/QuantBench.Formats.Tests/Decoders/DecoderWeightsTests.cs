using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Conversion;
using QuantBench.Formats.Decoders;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Weights;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Decoders;

public sealed class DecoderWeightsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Open_GivesTheSame_FromBothFormats()
    {
        string source = TinyModel.Write(_directory.Combine("model"));
        string gguf = _directory.Combine("model.gguf");
        HuggingFaceToGguf.Convert(source, gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);

        using IDecoderWeights fromDirectory = DecoderWeights.Open(source);
        using IDecoderWeights fromFile = DecoderWeights.Open(gguf);

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

        using IDecoderWeights fromDirectory = DecoderWeights.Open(source);
        using IDecoderWeights fromFile = DecoderWeights.Open(gguf);

        Assert.Equal(fromDirectory.Shape.Rotary.Factors.ToArray(), fromFile.Shape.Rotary.Factors.ToArray());
        Assert.Contains(8f, fromFile.Shape.Rotary.Factors);
        Assert.Contains(1f, fromFile.Shape.Rotary.Factors);
    }

    [Fact]
    public void Fill_TurnsByPositionOverWavelength()
    {
        float[] cos = new float[8], sin = new float[8];

        new RotarySettings { Base = 100, PositionScale = 0.5f }.Fill(6, cos, sin);

        for (int j = 0; j < 8; j++)
        {
            double angle = 3 * Math.Pow(100, -2.0 * j / 16);
            Assert.Equal(Math.Cos(angle), cos[j], 1e-6);
            Assert.Equal(Math.Sin(angle), sin[j], 1e-6);
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

        ModelFormatException error = Assert.Throws<ModelFormatException>(() => DecoderWeights.Open(path));

        Assert.Contains("attn_sinks", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _directory.Dispose();

    /// <summary>Arrays compare by reference, and GGUF files keep another name.</summary>
    private static DecoderShape Comparable(DecoderShape shape) =>
        shape with { Name = "", BeginToken = null, EndTokens = [], Rotary = shape.Rotary with { Factors = [] } };

    private static float[] All(IWeightMatrix matrix)
    {
        float[] values = new float[matrix.Rows * matrix.Columns];
        matrix.ReadRows(0, matrix.Rows, values);
        return values;
    }
}
