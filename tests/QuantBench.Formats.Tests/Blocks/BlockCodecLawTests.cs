using System.Buffers.Binary;
using FsCheck.Xunit;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Blocks;

/// <summary>What holds for every block codec.</summary>
public sealed class BlockCodecLawTests
{
    public static TheoryData<GgmlType> AllTypes => [.. s_coded.Select(info => info.Type)];

    private static readonly GgmlTypeInfo[] s_coded = [.. GgmlTypes.All.Where(info => info.Codec is not null)];

    [Fact]
    public void All_HasEveryFloatAndQuantizedType()
    {
        GgmlType[] without = [GgmlType.I8, GgmlType.I16, GgmlType.I32, GgmlType.I64, GgmlType.F64];

        Assert.Equal(GgmlTypes.All.Select(t => t.Type).Except(without), s_coded.Select(info => info.Type));
        Assert.All(without, type => Assert.Throws<ArgumentOutOfRangeException>(() => GgmlTypes.Codec(type)));
    }

    /// <summary>Blocks of every type that can hold weights can be made up; the others say why not.</summary>
    [Fact]
    public void SetScales_GivesWeightsOfTheWantedSpread_OrSaysWhyNot()
    {
        foreach (GgmlTypeInfo info in s_coded.Where(info => info.BlockElements > 1))
        {
            IBlockCodec codec = info.Codec!;
            byte[] blocks = new byte[2000 * codec.BlockBytes];
            new Random(3).NextBytes(blocks);
            if (codec.ForInputs)
            {
                Assert.Contains(info.Type, (GgmlType[])[GgmlType.Q8_1, GgmlType.Q8_K]);
                Assert.Throws<NotSupportedException>(() => codec.SetScales(blocks, 0.02f));
                continue;
            }

            codec.SetScales(blocks, 0.02f);
            float[] weights = new float[2000 * codec.BlockElements];
            codec.Dequantize(blocks, weights);

            double mean = weights.Average(), deviation = Math.Sqrt(weights.Average(w => (w - mean) * (w - mean)));
            // NVFP4's own factor lies beside the blocks: its levels are spread as they are.
            double wanted = info.Type == GgmlType.NVFP4 ? 6.4 / 2 : 0.02;
            Assert.True(deviation > wanted * 0.5 && deviation < wanted * 2 && Math.Abs(mean) < wanted * 0.6,
                $"{info.Name}: mean {mean}, deviation {deviation}");
        }
    }

    /// <summary>Random bytes at an odd place of a larger buffer: what lies around neither matters nor is written.</summary>
    [Property(MaxTest = 20)]
    public void Dequantize_IsTotal_AtAnyOffset(int seed, byte blockCount)
    {
        var random = new Random(seed);
        foreach (GgmlTypeInfo info in s_coded)
        {
            IBlockCodec codec = info.Codec!;
            int count = blockCount % 4 + (codec.BlockElements == 1 ? random.Next(70) : 0);
            byte[] blocks = new byte[count * codec.BlockBytes];
            random.NextBytes(blocks);
            float[] scalar = new float[count * codec.BlockElements];
            codec.DequantizeScalar(blocks, scalar);
            foreach (byte padding in (byte[])[0x00, 0xFF])
            {
                int before = 1 + 2 * random.Next(20);
                byte[] around = new byte[before + blocks.Length + 64];
                Array.Fill(around, padding);
                blocks.CopyTo(around, before);
                float[] output = new float[scalar.Length + 2 * before];
                Array.Fill(output, 12345);

                codec.Dequantize(around.AsSpan(before, blocks.Length), output.AsSpan(before, scalar.Length));

                BlockSamples.AssertSameBits(scalar, output.AsSpan(before, scalar.Length), $"{info.Type}, seed {seed}",
                    codec.BlockElements);
                Assert.All(output[..before], v => Assert.Equal(12345, v));
                Assert.All(output[^before..], v => Assert.Equal(12345, v));
            }
        }
    }

    /// <summary>Blocks that end where the readable memory ends: a path that loads beyond its block doesn't survive this.</summary>
    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Dequantize_ReadsNothingBeyondItsBlocks(GgmlType type)
    {
        IBlockCodec codec = GgmlTypes.Codec(type);
        using var memory = new GuardedMemory();
        for (int count = 1; count <= 20; count++)
        {
            Span<byte> blocks = memory.Last(count * codec.BlockBytes);
            new Random(count).NextBytes(blocks);
            float[] scalar = new float[count * codec.BlockElements];
            float[] vector = new float[scalar.Length];
            codec.DequantizeScalar(blocks, scalar);
            codec.Dequantize(blocks, vector);

            BlockSamples.AssertSameBits(scalar, vector, $"{type}, {count} blocks", codec.BlockElements);
        }
    }

    [Property(MaxTest = 50)]
    public void Quantize_TakesAnyFloats(int seed)
    {
        float[] odd = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.MinValue, float.Epsilon, 1e-39f,
            -1e-42f, 0, -0f, 1];
        var random = new Random(seed);
        float Next() =>
            random.Next(4) > 0 ? BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)) : odd[random.Next(odd.Length)];
        float[] values = [.. Enumerable.Range(0, 512).Select(_ => Next())];
        // subnormals alone: the inverse scale overflows
        if (seed % 3 == 0) for (int i = 0; i < values.Length; i++) values[i] = odd[5 + i % 3];
        foreach (GgmlTypeInfo info in s_coded.Where(info => info.Codec!.CanQuantize))
        {
            IBlockCodec codec = info.Codec!;
            byte[] blocks = new byte[values.Length / codec.BlockElements * codec.BlockBytes];
            byte[] again = new byte[blocks.Length];
            Array.Fill(again, (byte)0xA5);

            codec.Quantize(values, blocks);
            codec.Quantize(values, again);

            Assert.Equal(blocks, again); // every byte is written
        }
    }

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Methods_Refuse_WhenLengthsDiffer(GgmlType type)
    {
        IBlockCodec codec = GgmlTypes.Codec(type);
        byte[] blocks = new byte[2 * codec.BlockBytes];
        float[] values = new float[2 * codec.BlockElements];
        float[] more = new float[values.Length + 1];

        Assert.ThrowsAny<ArgumentException>(() => codec.Dequantize(blocks, more));
        Assert.ThrowsAny<ArgumentException>(() => codec.DequantizeScalar(blocks, more));
        Assert.ThrowsAny<ArgumentException>(() => codec.Dequantize(blocks.AsSpan(1), values));
        Assert.ThrowsAny<ArgumentException>(() => codec.Dequantize(blocks.AsSpan(codec.BlockBytes), values));
        if (codec.CanQuantize) Assert.ThrowsAny<ArgumentException>(() => codec.Quantize(more, blocks));
        else Assert.Throws<NotSupportedException>(() => codec.Quantize(values, blocks));
    }

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Methods_AllocateNothing(GgmlType type)
    {
        IBlockCodec codec = GgmlTypes.Codec(type);
        byte[] blocks = new byte[8 * codec.BlockBytes];
        float[] values = NormalSamples.Of(8 * codec.BlockElements, seed: 5);
        void Run()
        {
            codec.Dequantize(blocks, values);
            codec.DequantizeScalar(blocks, values);
            if (codec.CanQuantize) codec.Quantize(values, blocks);
        }

        Run(); // once for what the runtime allocates the first time
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run();

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    /// <summary>Every quant is the nearest one on the grid that its block's scales span; beyond the grid's ends, the end.</summary>
    [Property(MaxTest = 25)]
    public void Quantize_StaysWithinHalfAStep(int seed, byte exponent, byte shift)
    {
        float[] values = [.. NormalSamples.Of(512, seed, Math.Pow(2, exponent % 20 - 12)).Select(v => v * (1 + shift % 3))];
        if (shift % 4 == 0) for (int i = 0; i < values.Length; i++) values[i] = MathF.Abs(values[i]);
        foreach (GgmlTypeInfo info in s_coded.Where(info => info.Codec!.CanQuantize))
        {
            IBlockCodec codec = info.Codec!;
            byte[] blocks = new byte[values.Length / codec.BlockElements * codec.BlockBytes];
            float[] decoded = new float[values.Length];
            codec.Quantize(values, blocks);
            codec.Dequantize(blocks, decoded);

            for (int i = 0; i < values.Length; i++)
            {
                ReadOnlySpan<byte> block = blocks.AsSpan(i / codec.BlockElements * codec.BlockBytes, codec.BlockBytes);
                Grid grid = GridOf(info.Type, block, i % codec.BlockElements, values[i]);
                double nearest = Math.Clamp(values[i], Math.Min(grid.First, grid.Last), Math.Max(grid.First, grid.Last));
                Assert.True(
                    Math.Abs(nearest - decoded[i]) <= grid.HalfStep * 1.001 + grid.Slack,
                    $"{info.Type}, element {i}: {values[i]:R} became {decoded[i]:R}; half a step is {grid.HalfStep:R}");
            }
        }
    }

    /// <summary>Ends and half step of the grid that an element is on.</summary>
    /// <param name="Slack">
    /// For types that choose quants before their scale is rounded to a half: what that rounding, of one part in 2^11, makes of the largest
    /// quant.
    /// </param>
    private sealed record Grid(double First, double Last, double HalfStep, double Slack = 0);

    private static Grid GridOf(GgmlType type, ReadOnlySpan<byte> block, int element, float value)
    {
        const double Half = 1.0 / 2048; // relative rounding of a half
        const double TinyHalf = 1.0 / (1 << 25); // absolute rounding of a subnormal half
        switch (type)
        {
            case GgmlType.F32: return new Grid(value, value, 0);
            case GgmlType.F16: return new Grid(value, value, Math.Abs(value) * Half, TinyHalf);
            case GgmlType.BF16: return new Grid(value, value, Math.Abs(value) / 256);
            case GgmlType.Q4_0: return Rounded(HalfAt(block, 0), -8, 7);
            case GgmlType.Q5_0: return Rounded(HalfAt(block, 0), -16, 15);
            case GgmlType.Q8_0 or GgmlType.Q8_1: return Rounded(HalfAt(block, 0), -127, 127);
            case GgmlType.TQ1_0: return Rounded(HalfAt(block, 52), -1, 1);
            case GgmlType.TQ2_0: return Rounded(HalfAt(block, 64), -1, 1);
            case GgmlType.Q2_0: return Rounded(HalfAt(block, 0), -1, 2);
            case GgmlType.Q1_0:
                return new Grid(-Math.Abs(HalfAt(block, 0)), Math.Abs(HalfAt(block, 0)), Math.Abs(HalfAt(block, 0)),
                TinyHalf);
            case GgmlType.Q4_1: return Offset(HalfAt(block, 0), HalfAt(block, 2), 15);
            case GgmlType.Q5_1: return Offset(HalfAt(block, 0), HalfAt(block, 2), 31);
            case GgmlType.Q8_K:
                double dk = BinaryPrimitives.ReadSingleLittleEndian(block);
                return new Grid(-127 * dk, 127 * dk, Math.Abs(dk) / 2);
            case GgmlType.Q2_K:
                byte packed = block[element / 16];
                double low = -HalfAt(block, 82) * (packed >> 4);
                double step = HalfAt(block, 80) * (packed & 15);
                return new Grid(low, low + 3 * step, step / 2);
            case GgmlType.Q4_K or GgmlType.Q5_K:
                (int scale, int minimum) = SixBitScales.Get(block.Slice(4, 12), element / 32);
                double d = HalfAt(block, 0) * scale;
                double first = -HalfAt(block, 2) * minimum;
                return new Grid(first, first + (type == GgmlType.Q4_K ? 15 : 31) * d, d / 2);
            case GgmlType.Q3_K:
                double d3 = HalfAt(block, 108) * (Q3_K.Scale(block.Slice(96, 12), element / 16) - 32);
                return new Grid(-4 * d3, 3 * d3, Math.Abs(d3) / 2);
            case GgmlType.Q6_K:
                double d6 = HalfAt(block, 208) * (sbyte)block[192 + element / 16];
                return new Grid(-32 * d6, 31 * d6, Math.Abs(d6) / 2);
            case GgmlType.IQ4_NL:
                return NonLinear(HalfAt(block, 0));
            case GgmlType.IQ4_XS:
                int g = element / 32;
                int bits = (block[4 + g / 2] >> (4 * (g % 2)) & 15)
                    | (BinaryPrimitives.ReadUInt16LittleEndian(block[2..]) >> (2 * g) & 3) << 4;
                return NonLinear(HalfAt(block, 0) * (bits - 32));
            case GgmlType.MXFP4:
                double e = Math.Pow(2, block[0] - 127); // 4 to 6 is the widest gap
                return new Grid(-6 * e, 6 * e, e);
            case GgmlType.NVFP4:
                byte code = block[element / 16];
                double s = code < 8 ? code * Math.Pow(2, -9) : (8 + (code & 7)) * Math.Pow(2, (code >> 3) - 10);
                return new Grid(-6 * s, 6 * s, s);
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "no grid");
        }

        Grid Rounded(double d, int lowest, int highest) =>
            new(lowest * d, highest * d, Math.Abs(d) / 2, Math.Max(-lowest, highest) * (Math.Abs(d) * Half + TinyHalf));

        Grid Offset(double d, double m, int levels) =>
            new(m, m + levels * d, d / 2, levels * (d * Half + TinyHalf) + Math.Abs(m) * Half + TinyHalf);

        // The widest gaps of the levels are 24 (89 to 113) and 23.
        Grid NonLinear(double d) => new(-127 * d, 113 * d, 12 * Math.Abs(d));
    }

    private static double HalfAt(ReadOnlySpan<byte> block, int offset) => (double)BinaryPrimitives.ReadHalfLittleEndian(block[offset..]);
}
