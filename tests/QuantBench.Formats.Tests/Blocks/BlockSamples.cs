using System.Buffers.Binary;
using QuantBench.Formats.Blocks;

namespace QuantBench.Formats.Tests.Blocks;

/// <summary>Blocks that tell decoders apart: random ones, constant ones, and random ones with an extreme half at every even
/// place.</summary>
internal static class BlockSamples
{
    /// <summary>Zeros, subnormals, one, largest, infinite and NaN halves, both signs.</summary>
    private static readonly ushort[] s_halves = [0x0000, 0x8000, 0x0001, 0x83FF, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00,
        0x7C01, 0xFFFF];

    /// <summary>Some thousands of blocks, end to end.</summary>
    public static byte[] Adversarial(IBlockCodec codec, int seed)
    {
        var random = new Random(seed);
        List<byte[]> blocks = [];
        byte[] Next()
        {
            byte[] block = new byte[codec.BlockBytes];
            random.NextBytes(block);
            blocks.Add(block);
            return block;
        }

        for (int i = 0; i < 500; i++) Next();
        for (int value = 0; value < 256; value++)
        {
            Array.Fill(Next(), (byte)value);
            Next()[0] = (byte)value; // exponents of MXFP4
            if (codec.BlockBytes >= 4) Next().AsSpan(0, 4).Fill((byte)value); // scales of NVFP4, the float of Q8_K
        }

        for (int at = 0; at + 2 <= codec.BlockBytes; at += 2)
        {
            foreach (ushort half in s_halves) BinaryPrimitives.WriteUInt16LittleEndian(Next().AsSpan(at), half);
        }

        return [.. blocks.SelectMany(b => b)];
    }

    /// <summary>Values of a normal distribution.</summary>
    public static float[] Normal(int count, int seed, double sigma = 1)
    {
        var random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            values[i] = (float)(sigma * radius * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        return values;
    }

    /// <summary>Fails at the first element whose bits differ; any NaN equals any other.</summary>
    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what, int blockElements)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToUInt32Bits(expected[i]) == BitConverter.SingleToUInt32Bits(actual[i])) continue;
            if (float.IsNaN(expected[i]) && float.IsNaN(actual[i])) continue;
            Assert.Fail($"{what}: block {i / blockElements}, element {i % blockElements}: expected {expected[i]:R}, got {actual[i]:R}");
        }
    }
}
