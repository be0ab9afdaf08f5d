using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, low index bytes at 2 (one per 4 elements), ninth index bits at 66 (bit k of a byte per 32 elements belongs to its
/// k-th entry), sign bytes at 74, a nibble of scale per 32 elements at 106. <c>x = d · (1 + 2 · scale) · ±level</c> with
/// <see cref="Codebooks.IQ3S"/>.
/// </summary>
public readonly struct IQ3_S : IBlockLayout
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 110;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 140f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 256; i++)
        {
            int index = block[2 + i / 4] | (block[66 + i / 32] >> (i % 32 / 4) & 1) << 8;
            int level = Codebooks.Level(Codebooks.IQ3S[index], i % 4);
            float scale = d * (1 + 2 * BlockBytes.Nibble(block[106 + i / 64], i % 64 / 32));
            output[i] = scale * ((block[74 + i / 8] >> (i % 8) & 1) != 0 ? -level : level);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        for (int g = 0; g < 16; g++)
        {
            ref byte low = ref Unsafe.Add(ref block, 2 + 4 * g);
            int high = BlockBytes.Read<byte>(ref block, 66 + g / 2) >> (4 * (g % 2));
            ulong first = Codebooks.IQ3S[BlockBytes.Read<byte>(ref low, 0) | (high & 1) << 8]
                | Codebooks.IQ3S[BlockBytes.Read<byte>(ref low, 1) | (high & 2) << 7] << 32;
            ulong second = Codebooks.IQ3S[BlockBytes.Read<byte>(ref low, 2) | (high & 4) << 6]
                | Codebooks.IQ3S[BlockBytes.Read<byte>(ref low, 3) | (high & 8) << 5] << 32;
            ref byte signs = ref Unsafe.Add(ref block, 74 + 2 * g);
            Vector128<sbyte> q = Codebooks.Signed(first, second, BlockBytes.Read<byte>(ref signs, 0), BlockBytes.Read<byte>(ref signs, 1));
            float scale = d * (1 + 2 * BlockBytes.Nibble(BlockBytes.Read<byte>(ref block, 106 + g / 4), g / 2 % 2));
            Lanes.Store(q, scale, ref Unsafe.Add(ref output, 16 * g));
        }
    }
}
