using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Directories;
using QuantBench.Models.Tests.Weights;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Tests.Mlx;

public sealed class MlxMatrixTests
{
    [Theory]
    [InlineData("""{ "quantization": { "group_size": 64, "bits": 8 } }""")] // the words are of 4 bits
    [InlineData("""{ "quantization": { "group_size": 32, "bits": 4 } }""")] // there is one scale per 64
    [InlineData("""{ "quantization": { "group_size": 64, "bits": 7 } }""")]
    [InlineData("""{ "quantization": { "group_size": 48, "bits": 4 } }""")]
    [InlineData("""{ "quantization": { "group_size": 32, "bits": 4, "mode": "mxfp4" } }""")]
    [InlineData("""{ "quantization": { "group_size": 64, "bits": 4, "a": { "bits": 2 } } }""")]
    [InlineData("""{ "quantization": { "group_size": 64, "bits": 4, "a": false } }""")] // floats by the settings, words by the file
    [InlineData("""{ "quantization": { "group_size": 64, "bits": "4" } }""")]
    [InlineData("""{ "quantization": [] }""")]
    public void Matrix_Refuses_WhenSettingsDontFit(string config)
    {
        using WeightDirectory model = Model().Write(config);

        Assert.ThrowsAny<QuantBenchException>(() =>
        {
            using SafetensorsWeights weights = model.Open();
            weights.Matrix("a");
        });
    }

    [Fact]
    public void Matrix_Refuses_WhenBiasesAreMissing()
    {
        using WeightDirectory model = new WeightDirectory()
            .Add("a.weight", SafetensorsDType.U32, [2, 16], new byte[128])
            .Add("a.scales", SafetensorsDType.F16, [2, 2], new byte[8])
            .Write("""{ "quantization": { "group_size": 64, "bits": 4 } }""");
        using SafetensorsWeights weights = model.Open();

        Assert.Throws<ModelFormatException>(() => weights.Matrix("a"));
    }

    [Theory]
    [InlineData("""{ "quantization": { "group_size": 64, "bits": 4 } }""")]
    [InlineData("""{ "quantization": { } }""")] // 4 bits in groups of 64 are MLX's defaults
    [InlineData("""{ "quantization": { "group_size": 32, "bits": 8, "a": { "group_size": 64, "bits": 4 } } }""")]
    [InlineData("""{ "quantization": { "group_size": 64, "bits": 4, "a": true } }""")]
    public void Matrix_ReadsRows_ByTheSettings(string config)
    {
        using WeightDirectory model = Model().Write(config);
        using SafetensorsWeights weights = model.Open();

        IWeightMatrix matrix = weights.Matrix("a");

        float[] expected = [.. Enumerable.Repeat(0.5f, 64), .. Enumerable.Repeat(-2.5f, 64), .. Enumerable.Repeat(8f, 64),
            .. Enumerable.Repeat(-10f, 64)];
        WeightMatrixReads.AssertRows(expected, matrix);
    }

    /// <summary>Two rows of two groups. Quants 1 in row 0, 2 in row 1; scales 0.5, −2, 4, −8 with biases 0, −0.5, 0, 6.</summary>
    private static WeightDirectory Model()
    {
        byte[] words = [.. Enumerable.Repeat((byte)0x11, 64), .. Enumerable.Repeat((byte)0x22, 64)];
        return new WeightDirectory()
            .Add("a.weight", SafetensorsDType.U32, [2, 16], words)
            .Add("a.scales", SafetensorsDType.F16, [2, 2], Halves(0.5f, -2, 4, -8))
            .Add("a.biases", SafetensorsDType.F16, [2, 2], Halves(0, -0.5f, 0, 6));
    }

    private static byte[] Halves(params float[] values) => [.. values.SelectMany(v => BitConverter.GetBytes((Half)v))];
}
