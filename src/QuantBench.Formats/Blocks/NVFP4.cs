using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Four unsigned E4M3 scales at 0, one per 16 elements, 8 bytes of nibbles for each at 4: element k &lt; 8 is the low nibble of byte k, 8 +
/// k the high one.
/// <c>x = scale / 2 · level</c> with <see cref="Fp4.Doubled"/>. A factor per tensor may lie beside it; it is not part of the blocks.
/// </summary>
public readonly struct NVFP4 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 64;

    static int IBlockFacts.Bytes => 36;

    // 1 before halving; real files scale the product once more.
    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => block[..4].Fill(0x38);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        for (int i = 0; i < 64; i++)
        {
            int s = i / 16;
            output[i] = Fp4.Doubled[BlockBytes.Nibble(block[4 + 8 * s + i % 8], i % 16 / 8)] * Fp4.HalfOfUE4M3(block[s]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        const ulong Nibbles = 0x0F0F_0F0F_0F0F_0F0F;
        Vector128<sbyte> levels = Fp4.Vector;
        for (int s = 0; s < 4; s++)
        {
            ulong packed = BlockBytes.Read<ulong>(ref block, 4 + 8 * s);
            Vector128<sbyte> index = Vector128.Create(packed & Nibbles, (packed >> 4) & Nibbles).AsSByte();
            Lanes.Store(Vector128.Shuffle(levels, index), Fp4.HalfOfUE4M3(BlockBytes.Read<byte>(ref block, s)),
                ref Unsafe.Add(ref output, 16 * s));
        }
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        for (int s = 0; s < 4; s++)
        {
            ReadOnlySpan<float> group = values.Slice(16 * s, 16);
            block[s] = Fp4.ToUE4M3(MathF.Abs(Extremes.Signed(group)) / 6);
            float d = Fp4.HalfOfUE4M3(block[s]);
            for (int k = 0; k < 8; k++) block[4 + 8 * s + k] = (byte)(Fp4.Nearest(group[k], d) | Fp4.Nearest(group[8 + k], d) << 4);
        }
    }
}
