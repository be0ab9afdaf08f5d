using System.Text.Json;
using FsCheck.Xunit;
using QuantBench.Formats.Mlx;
using QuantBench.Formats.Tests.Blocks;
using QuantBench.Formats.Tests.Weights;

namespace QuantBench.Formats.Tests.Mlx;

public sealed class MlxAffineTests
{
    private static readonly int[] s_bits = [2, 3, 4, 5, 6, 8];

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Golden.Read("mlx.json").GetProperty("cases").GetArrayLength())];

    [Theory]
    [MemberData(nameof(Cases))]
    public void QuantizeRow_GivesTheGoldenBytes(int number)
    {
        (JsonElement golden, MlxQuantization settings) = Case(number);
        float[] row = Golden.Read("mlx.json").Floats("row");
        byte[] packed = new byte[MlxAffine.PackedBytes(row.Length, settings.Bits)];
        float[] scales = new float[row.Length / settings.GroupSize];
        float[] biases = new float[scales.Length];

        MlxAffine.QuantizeRow(row, settings, packed, scales, biases);

        Assert.Equal(golden.Floats("scales"), scales);
        Assert.Equal(golden.Floats("biases"), biases);
        Assert.Equal(golden.Bytes("packed"), packed);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void DequantizeRow_GivesTheGoldenWeights(int number)
    {
        (JsonElement golden, MlxQuantization settings) = Case(number);
        float[] decoded = new float[128];

        MlxAffine.DequantizeRow(golden.Bytes("packed"), golden.Floats("scales"), golden.Floats("biases"), settings, decoded);

        Assert.Equal(golden.Floats("decoded"), decoded);
    }

    [Property]
    public void Unpack_IsTheInverseOfPack(byte[] values, byte bitsIndex)
    {
        int bits = s_bits[bitsIndex % s_bits.Length];
        byte[] quants = [.. values.Take(values.Length / 8 * 8).Select(v => (byte)(v & ((1 << bits) - 1)))];
        byte[] packed = new byte[quants.Length * bits / 8];
        byte[] back = new byte[quants.Length];

        MlxAffine.Pack(quants, bits, packed);
        MlxAffine.Unpack(packed, bits, back);

        Assert.Equal(quants, back);
    }

    [Property]
    public void DequantizeRow_StaysWithinHalfAStep(int seed, byte bitsIndex)
    {
        var settings = new MlxQuantization(s_bits[bitsIndex % s_bits.Length], 32);
        float[] row = BlockSamples.Normal(256, seed);
        byte[] packed = new byte[MlxAffine.PackedBytes(row.Length, settings.Bits)];
        float[] scales = new float[8];
        float[] biases = new float[8];
        float[] decoded = new float[row.Length];

        MlxAffine.QuantizeRow(row, settings, packed, scales, biases);
        MlxAffine.DequantizeRow(packed, scales, biases, settings, decoded);

        for (int i = 0; i < row.Length; i++)
        {
            // The scale is stretched so that zero is exact, by half a step of the range at most; at the far edge that adds up to another
            // half step.
            Assert.InRange(Math.Abs(row[i] - decoded[i]), 0, 1.001 * Math.Abs(scales[i / 32]));
        }
    }

    [Theory]
    [InlineData(7, 64)]
    [InlineData(4, 16)]
    [InlineData(1, 64)]
    public void Constructor_Refuses_WhatMlxDoesNotHave(int bits, int groupSize) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MlxQuantization(bits, groupSize));

    [Fact]
    public void DequantizeRow_Refuses_WhenLengthsDiffer()
    {
        var settings = new MlxQuantization(4, 32);

        Assert.ThrowsAny<ArgumentException>(() =>
            MlxAffine.DequantizeRow(new byte[15], new float[1], new float[1], settings, new float[32]));
        Assert.ThrowsAny<ArgumentException>(() =>
            MlxAffine.DequantizeRow(new byte[16], new float[2], new float[1], settings, new float[32]));
        Assert.ThrowsAny<ArgumentException>(() =>
            MlxAffine.DequantizeRow(new byte[20], new float[1], new float[1], settings, new float[40]));
    }

    private static (JsonElement Golden, MlxQuantization Settings) Case(int number)
    {
        JsonElement golden = Golden.Read("mlx.json").GetProperty("cases")[number];
        return (golden, new MlxQuantization(golden.Int("bits"), golden.Int("groupSize")));
    }
}
