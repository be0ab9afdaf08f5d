using QuantBench.Models.Directories;
using QuantBench.Models.Mlx;
using QuantBench.Models.Scaled;
using QuantBench.Models.Sources;
using QuantBench.Models.Weights;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Scaled;

/// <summary>Directories of small floats that are made here, read back by what the goldens prove.</summary>
public sealed class PackedWriterTests
{
    /// <summary>Size of a step relative to its number tells the error: bounds are a tenth above what the reference model gives.</summary>
    [Theory]
    [InlineData("compressed-tensors:nvfp4", 0.105)]
    [InlineData("gptq:4bit-g128-rtn", 0.14)]
    [InlineData("awq:4bit-g128-rtn", 0.135)]
    [InlineData("mlx:mxfp4", 0.15)]
    [InlineData("mlx:mxfp8", 0.04)]
    [InlineData("mlx:nvfp4", 0.25)] // no scale per matrix: small weights' scales are coarse
    public void Convert_StaysNearTheWeights(string variant, double most)
    {
        using var output = new TemporaryDirectory();
        if (variant.StartsWith("mlx:", StringComparison.Ordinal))
        {
            HuggingFaceToMlx.Convert(ReferenceModel.Directory, output.Path,
                new MlxQuantization(Enum.Parse<MlxMode>(variant[4..], ignoreCase: true)), new Progress<double>(), CancellationToken.None);
        }
        else
        {
            HuggingFaceToPacked.Convert(ReferenceModel.Directory, output.Path, variant, new Progress<double>(), CancellationToken.None);
        }

        Assert.Equal(variant.Replace("-rtn", "", StringComparison.Ordinal), DirectoryVariant.Quantized(output.Path));
        using var made = DirectoryModel.Open(output.Path);
        using var source = DirectoryModel.Open(ReferenceModel.Directory);
        foreach (string name in (string[])["blk.0.attn_q", "blk.3.attn_v", "blk.5.ffn_down", "blk.1.ffn_gate"])
        {
            float[] expected = Rows(source.Matrix(name)), weights = Rows(made.Matrix(name));
            double error = Math.Sqrt(expected.Zip(weights).Sum(p => Math.Pow(p.First - p.Second, 2)) / expected.Sum(v => (double)v * v));
            Assert.True(error <= most && error > most / 4, $"{variant} {name}: {error:F4}");
        }

        Assert.Equal(source.ParameterCount, made.ParameterCount);
    }

    /// <summary>Every number that a type holds is its own nearest, and halfway between two goes to the even one.</summary>
    [Fact]
    public void SmallFloats_RoundToTheNearest()
    {
        for (int code = 0; code < 0x7F; code++) Assert.Equal(code, SmallFloats.ToE4M3(SmallFloats.E4M3[code]));
        for (int code = 0; code < 0x7E; code++)
        {
            float middle = (SmallFloats.E4M3[code] + SmallFloats.E4M3[code + 1]) / 2;
            Assert.Equal(code % 2 == 0 ? code : code + 1, SmallFloats.ToE4M3(middle));
            Assert.Equal(code, SmallFloats.ToE4M3(MathF.BitDecrement(middle)));
            Assert.Equal(code + 1, SmallFloats.ToE4M3(MathF.BitIncrement(middle)));
            Assert.Equal(0x80 | (code + 1), SmallFloats.ToE4M3(-MathF.BitIncrement(middle)));
        }

        Assert.Equal(0x7E, SmallFloats.ToE4M3(1e9f));
        for (int code = 0; code < 7; code++)
        {
            float middle = (SmallFloats.E2M1[code] + SmallFloats.E2M1[code + 1]) / 2;
            Assert.Equal(code % 2 == 0 ? code : code + 1, SmallFloats.ToE2M1(middle));
            Assert.Equal(code, SmallFloats.ToE2M1(SmallFloats.E2M1[code]));
            Assert.Equal(8 | (code + 1), SmallFloats.ToE2M1(-MathF.BitIncrement(middle)));
        }

        Assert.Equal(7, SmallFloats.ToE2M1(100));
    }

    private static float[] Rows(IWeightMatrix matrix)
    {
        float[] values = new float[matrix.Rows * matrix.Columns];
        matrix.ReadRows(0, matrix.Rows, values);
        return values;
    }
}
