using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, low index bytes at 2 (one per 8 elements), sign bytes at 34, high index bits at 66 (two per 8 elements, a byte per
/// 32), a nibble of scale per 16 elements at 74. <c>x = d · (½ + scale) / 4 · ±level</c> with <see cref="Codebooks.IQ2S"/>.
/// </summary>
public readonly struct IQ2_S : IBlockLayout
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 82;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 60f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 256; i++)
        {
            int l = i / 8;
            int index = block[2 + l] | (block[66 + i / 32] >> (2 * (l % 4)) & 3) << 8;
            int level = Codebooks.Level(Codebooks.IQ2S[index], i % 8);
            float scale = IQ2_XS.Scale(d, BlockBytes.Nibble(block[74 + i / 32], i % 32 / 16));
            output[i] = scale * ((block[34 + l] >> (i % 8) & 1) != 0 ? -level : level);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        for (int g = 0; g < 16; g++)
        {
            ref byte low = ref Unsafe.Add(ref block, 2 + 2 * g);
            int high = BlockBytes.Read<byte>(ref block, 66 + g / 2) >> (4 * (g % 2));
            Vector128<sbyte> q = Codebooks.Signed(
                Codebooks.IQ2S[BlockBytes.Read<byte>(ref low, 0) | (high & 3) << 8],
                Codebooks.IQ2S[BlockBytes.Read<byte>(ref low, 1) | (high >> 2 & 3) << 8],
                BlockBytes.Read<byte>(ref low, 32),
                BlockBytes.Read<byte>(ref low, 33));
            float scale = IQ2_XS.Scale(d, BlockBytes.Nibble(BlockBytes.Read<byte>(ref block, 74 + g / 2), g % 2));
            Lanes.Store(q, scale, ref Unsafe.Add(ref output, 16 * g));
        }
    }
}
