using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, a 16-bit word per 8 elements at 2 (9 bits: index into <see cref="Codebooks.IQ2XS"/>, 7 bits:
/// <see cref="Codebooks.EvenSigns"/>), a nibble of scale per 16 elements at 66. <c>x = d · (½ + scale) / 4 · ±level</c>.
/// </summary>
public readonly struct IQ2_XS : IBlockLayout
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 74;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 60f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 256; i++)
        {
            int word = BinaryPrimitives.ReadUInt16LittleEndian(block[(2 + 2 * (i / 8))..]);
            byte signs = Codebooks.EvenSigns((uint)word >> 9);
            int level = Codebooks.Level(Codebooks.IQ2XS[word & 511], i % 8);
            float scale = Scale(d, BlockBytes.Nibble(block[66 + i / 32], i % 32 / 16));
            output[i] = scale * ((signs >> (i % 8) & 1) != 0 ? -level : level);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        for (int g = 0; g < 16; g++)
        {
            uint words = BlockBytes.Read<uint>(ref block, 2 + 4 * g);
            Vector128<sbyte> q = Codebooks.Signed(
                Codebooks.IQ2XS[(int)(words & 511)],
                Codebooks.IQ2XS[(int)(words >> 16 & 511)],
                Codebooks.EvenSigns(words >> 9 & 127),
                Codebooks.EvenSigns(words >> 25));
            Lanes.Store(q, Scale(d, BlockBytes.Nibble(BlockBytes.Read<byte>(ref block, 66 + g / 2), g % 2)),
                ref Unsafe.Add(ref output, 16 * g));
        }
    }

    /// <summary>Also that of <see cref="IQ2_S"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Scale(float d, int nibble) => d * (0.5f + nibble) * 0.25f;
}
