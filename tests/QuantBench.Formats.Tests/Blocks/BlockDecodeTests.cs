using System.Runtime.InteropServices;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Blocks;

public sealed class BlockDecodeTests
{
    private static readonly GgmlType[] s_others = [GgmlType.F32, GgmlType.Q8_1];

    private static IEnumerable<GgmlType> Decoded => GgmlTypes.All.Where(info => info.Codec is not null).Select(info => info.Type);

    public static TheoryData<GgmlType> AllTypes => [.. Decoded];

    /// <summary>Types with an exported row function; F32 and Q8_1, which have none, have tests of their own below.</summary>
    public static TheoryData<GgmlType> NativeTypes => [.. Decoded.Except(s_others)];

    [NpmTheory(NpmPackage.LlamaCpp)]
    [MemberData(nameof(NativeTypes))]
    public void Dequantize_GivesTheBitsOfGgml(GgmlType type)
    {
        IBlockCodec codec = GgmlTypes.Codec(type);
        byte[] blocks = BlockSamples.Adversarial(codec, seed: 20 + (int)type);
        float[] expected = new float[blocks.Length / codec.BlockBytes * codec.BlockElements];
        float[] scalar = new float[expected.Length];
        float[] vector = new float[expected.Length];

        NativeGgml.Dequantize(type, blocks, expected);
        codec.DequantizeScalar(blocks, scalar);
        codec.Dequantize(blocks, vector);

        BlockSamples.AssertSameBits(expected, scalar, $"{type}, scalar", codec.BlockElements);
        BlockSamples.AssertSameBits(expected, vector, $"{type}, vector", codec.BlockElements);
    }

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Dequantize_AgreesWithTheScalarDefinition(GgmlType type)
    {
        IBlockCodec codec = GgmlTypes.Codec(type);
        byte[] blocks = BlockSamples.Adversarial(codec, seed: 120 + (int)type);
        float[] scalar = new float[blocks.Length / codec.BlockBytes * codec.BlockElements];
        float[] vector = new float[scalar.Length];

        codec.DequantizeScalar(blocks, scalar);
        codec.Dequantize(blocks, vector);

        BlockSamples.AssertSameBits(scalar, vector, type.ToString(), codec.BlockElements);
    }

    /// <summary>ggml reads Q8_1 only inside dot products, so each element is taken out by one.</summary>
    [NpmFact(NpmPackage.LlamaCpp)]
    public void Dequantize_GivesTheProductsOfGgml_WhenTheTypeIsQ8_1()
    {
        IBlockCodec codec = GgmlTypes.Codec(GgmlType.Q8_1);
        byte[] blocks = BlockSamples.Adversarial(codec, seed: 9);
        float[] decoded = new float[blocks.Length / codec.BlockBytes * codec.BlockElements];
        codec.Dequantize(blocks, decoded);
        int compared = 0;
        for (int block = 0; block < blocks.Length / codec.BlockBytes; block++)
        {
            // The scaled sum at bytes 2 and 3 takes part in the product; an infinite one would hide the element.
            byte[] bytes = blocks.AsSpan(block * codec.BlockBytes, codec.BlockBytes).ToArray();
            (bytes[2], bytes[3]) = (0, 0x3C);
            for (int i = 0; i < codec.BlockElements; i++)
            {
                float expected = NativeDot.Element(bytes, i);
                float actual = decoded[(block * codec.BlockElements) + i];
                if (!float.IsFinite(expected)) continue;
                Assert.True(expected == actual, $"block {block}, element {i}: expected {expected:R}, got {actual:R}");
                compared++;
            }
        }

        Assert.True(compared > decoded.Length * 0.9, $"only {compared} of {decoded.Length} elements are finite");
    }

    [Fact]
    public void Dequantize_CopiesBits_WhenTheTypeIsF32()
    {
        uint[] bits = [0, 0x8000_0000, 1, 0x807F_FFFF, 0x3F80_0000, 0x7F7F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0001, 0xFFFF_FFFF,
            0x1234_5678];
        float[] output = new float[bits.Length];

        GgmlTypes.Codec(GgmlType.F32).Dequantize(MemoryMarshal.AsBytes<uint>(bits), output);

        Assert.Equal(bits, output.Select(BitConverter.SingleToUInt32Bits));
    }
}
