using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// 16 bytes of scales at 0 (low nibble: scale, high: minimum, one byte per 16 elements), 64 bytes of 2-bit quants at 16, halves <c>d</c> at
/// 80 and
/// <c>dmin</c> at 82. Each 128 elements take 32 bytes: element r is bits 2·(r / 32) of byte r % 32. <c>x = d · scale · q − dmin ·
/// minimum</c>.
/// </summary>
public readonly struct Q2_K : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 84;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation)
    {
        BlockBytes.WriteHalf(block, 80, 1 / 13f * deviation);
        BlockBytes.WriteHalf(block, 82, 1.5f / 13 * deviation);
    }

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 80);
        float dmin = BlockBytes.Half(block, 82);
        for (int i = 0; i < 256; i++)
        {
            byte scale = block[i / 16];
            int q = (block[16 + 32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32))) & 3;
            output[i] = d * (scale & 15) * q - dmin * (scale >> 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 80);
        float dmin = BlockBytes.Half(ref block, 82);
        for (int n = 0; n < 2; n++)
        {
            Vector128<ushort> first = Vector128.LoadUnsafe(ref block, (nuint)(16 + 32 * n)).AsUInt16();
            Vector128<ushort> second = Vector128.LoadUnsafe(ref block, (nuint)(32 + 32 * n)).AsUInt16();
            for (int j = 0; j < 4; j++)
            {
                int sub = 8 * n + 2 * j;
                Sub(first, BlockBytes.Read<byte>(ref block, sub), d, dmin, ref Unsafe.Add(ref output, 16 * sub));
                Sub(second, BlockBytes.Read<byte>(ref block, sub + 1), d, dmin, ref Unsafe.Add(ref output, 16 * sub + 16));
                first >>>= 2; // 16-bit lanes: what crosses a byte is masked off
                second >>>= 2;
            }
        }
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> scales = stackalloc byte[16];
        Span<byte> minimums = stackalloc byte[16];
        Span<byte> quants = stackalloc byte[256];
        (float d, float dmin) = AffineSuperblock.Fit(values, levels: 3, scaleLimit: 15, scales, minimums, quants);
        for (int j = 0; j < 16; j++) block[j] = (byte)(scales[j] | minimums[j] << 4);
        PackPairs(quants, block.Slice(16, 64));
        BlockBytes.WriteHalf(block, 80, d);
        BlockBytes.WriteHalf(block, 82, dmin);
    }

    /// <summary>Packs the low two bits of 256 quants: element r of each 128 goes to bits 2·(r / 32) of byte r % 32.</summary>
    internal static void PackPairs(ReadOnlySpan<byte> quants, Span<byte> packed)
    {
        for (int i = 0; i < 64; i++)
        {
            ReadOnlySpan<byte> column = quants[(128 * (i / 32) + i % 32)..];
            packed[i] = (byte)((column[0] & 3) | (column[32] & 3) << 2 | (column[64] & 3) << 4 | (column[96] & 3) << 6);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Sub(Vector128<ushort> shifted, byte scale, float d, float dmin, ref float output) =>
        Lanes.Store(shifted.AsByte() & Vector128.Create((byte)3), d * (scale & 15), -(dmin * (scale >> 4)), ref output);
}
