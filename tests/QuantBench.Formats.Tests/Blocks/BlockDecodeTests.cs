using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;

namespace QuantBench.Formats.Tests.Blocks;

public sealed class BlockDecodeTests
{
    public static TheoryData<GgmlType> AllTypes => [.. BlockCodecs.All.Select(c => c.Type)];

    /// <summary>Types with an exported row function; F32 is a copy and Q8_1 has none.</summary>
    public static TheoryData<GgmlType> NativeTypes => [.. BlockCodecs.All.Select(c => c.Type).Where(t => t is not (GgmlType.F32 or GgmlType.Q8_1))];

    [Theory]
    [MemberData(nameof(NativeTypes))]
    public void Dequantize_GivesTheBitsOfGgml(GgmlType type)
    {
        IBlockCodec codec = BlockCodecs.Get(type);
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
        IBlockCodec codec = BlockCodecs.Get(type);
        byte[] blocks = BlockSamples.Adversarial(codec, seed: 120 + (int)type);
        float[] scalar = new float[blocks.Length / codec.BlockBytes * codec.BlockElements];
        float[] vector = new float[scalar.Length];

        codec.DequantizeScalar(blocks, scalar);
        codec.Dequantize(blocks, vector);

        BlockSamples.AssertSameBits(scalar, vector, type.ToString(), codec.BlockElements);
    }
}
