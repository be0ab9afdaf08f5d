using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;

namespace QuantBench.Formats.Tests.Onnx;

public sealed class GgufRelayTests
{
    public static TheoryData<GgmlType> Types() =>
        [GgmlType.Q4_0, GgmlType.Q4_1, GgmlType.Q5_0, GgmlType.Q5_1, GgmlType.Q8_0, GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q6_K];

    [Theory]
    [MemberData(nameof(Types))]
    public void RelayRow_KeepsEveryWeightToTheLastBit(GgmlType type)
    {
        IBlockCodec codec = GgmlTypes.Codec(type);
        const int Elements = 1024;
        byte[] row = new byte[Elements / codec.BlockElements * codec.BlockBytes];
        var random = new Random((int)type);
        float[] values = [.. Enumerable.Range(0, Elements).Select(i => (float)((random.NextDouble() - 0.4) * (1 + (i / 100))))];
        codec.Quantize(values, row);
        float[] expected = new float[Elements];
        codec.DequantizeScalar(row, expected);
        (NBitsFormat format, bool hasMinimums) = GgufRelay.FormatOf(type)!.Value; // every type of the list has one
        byte[] packed = new byte[format.RowBytes(Elements)];
        float[] scales = new float[format.Blocks(Elements)];
        float[] minimums = new float[hasMinimums ? scales.Length : 0];

        GgufRelay.RelayRow(type, row, packed, scales, minimums);

        int zero = hasMinimums && format.Bits == 4 ? 0 : format.Middle;
        for (int i = 0; i < Elements; i++)
        {
            int bit = i * format.Bits;
            int q = (packed[bit / 8] >> (bit % 8)) & format.Largest;
            float weight = (q - zero) * scales[i / format.BlockSize];
            if (hasMinimums) weight += minimums[i / format.BlockSize];
            Assert.Equal(expected[i], weight);
        }
    }

    [Fact]
    public void FormatOf_IsNull_WhereLevelsAreNotEven()
    {
        Assert.Null(GgufRelay.FormatOf(GgmlType.IQ4_NL));
        Assert.Null(GgufRelay.FormatOf(GgmlType.MXFP4));
    }

    [Fact]
    public void RelayRow_Throws_WhenTheRowIsCutOff() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => GgufRelay.RelayRow(GgmlType.Q4_0, new byte[17], new byte[16], new float[1], []));
}
