using QuantBench.Formats.Onnx;

namespace QuantBench.Formats.Tests.Onnx;

public sealed class NBitsQuantizerTests
{
    [Theory]
    [InlineData(2, 32, true, 64)]
    [InlineData(4, 32, false, 96)]
    [InlineData(4, 32, true, 70)] // the last block is short, and an odd number of zero points is packed
    [InlineData(4, 128, true, 256)]
    [InlineData(4, 16, false, 17)] // one element in the last block
    [InlineData(8, 32, false, 64)]
    [InlineData(8, 256, true, 300)]
    public void QuantizeRow_StaysWithinAStep(int bits, int blockSize, bool zeroPoints, int columns)
    {
        var random = new Random(columns);
        float[] row = [.. Enumerable.Range(0, columns).Select(_ => (float)(random.NextDouble() - 0.3))];
        var format = new NBitsFormat(bits, blockSize, zeroPoints);
        byte[] packed = new byte[format.RowBytes(columns)];
        float[] scales = new float[format.Blocks(columns)];
        byte[] zeros = new byte[format.ZeroPointBytes(columns)];

        NBitsQuantizer.QuantizeRow(row, format, packed, scales, zeros);

        for (int i = 0; i < columns; i++)
        {
            // Symmetric levels end one short of the middle on the side of the extreme's opposite: a whole step there, half a step
            // elsewhere.
            float bound = MathF.Abs(scales[i / blockSize]) * (zeroPoints ? 0.51f : 1.01f);
            Assert.InRange(Value(i), row[i] - bound, row[i] + bound);
        }

        // Read by the layout's definition, bit by bit.
        float Value(int i)
        {
            int block = i / blockSize, bit = i % blockSize * bits;
            int q = (packed[(block * blockSize * bits / 8) + (bit / 8)] >> (bit % 8)) & ((1 << bits) - 1);
            int zero = zeroPoints ? (zeros[block * bits / 8] >> (block * bits % 8)) & ((1 << bits) - 1) : 1 << (bits - 1);
            return (q - zero) * scales[block];
        }
    }

    [Fact]
    public void QuantizeRow_HoldsTheExtremeAndZeroExactly()
    {
        float[] row = new float[32];
        row[3] = -2.5f;
        row[4] = 1.25f;
        byte[] packed = new byte[16];
        float[] scales = new float[1];

        NBitsQuantizer.QuantizeRow(row, new NBitsFormat(4, 32, false), packed, scales, []);

        Assert.Equal(2.5f / 8, scales[0]);
        Assert.Equal(0, packed[1] >> 4); // the extreme is the lowest quant
        Assert.Equal(12, packed[2] & 15);
        Assert.Equal(0x88, packed[15]); // zeros are the middle
    }

    [Fact]
    public void QuantizeRow_GivesZeros_WhenARowIsZero()
    {
        byte[] packed = new byte[16];
        float[] scales = [1];
        byte[] zeros = [0xFF];

        NBitsQuantizer.QuantizeRow(new float[32], new NBitsFormat(4, 32, true), packed, scales, zeros);

        Assert.Equal((0f, 0), (scales[0], zeros[0]));
    }
}
