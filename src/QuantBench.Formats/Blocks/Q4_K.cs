using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Halves <c>d</c> at 0 and <c>dmin</c> at 2, 12 bytes of <see cref="SixBitScales"/> at 4, 128 bytes of nibbles at 16: each 32 bytes hold
/// 64 elements, the first 32 in the low nibbles. <c>x = d · scale · q − dmin · minimum</c>, one scale and minimum per 32.
/// </summary>
public readonly struct Q4_K : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 144;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation)
    {
        BlockBytes.WriteHalf(block, 0, 1 / 250f * deviation);
        BlockBytes.WriteHalf(block, 2, 7.5f / 250 * deviation);
    }

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        float dmin = BlockBytes.Half(block, 2);
        for (int i = 0; i < 256; i++)
        {
            int j = i / 32;
            (int scale, int minimum) = SixBitScales.Get(block.Slice(4, 12), j);
            int q = BlockBytes.Nibble(block[16 + 32 * (j / 2) + i % 32], j % 2);
            output[i] = d * scale * q - dmin * minimum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        float dmin = BlockBytes.Half(ref block, 2);
        (ulong scales, ulong minimums) = SixBitScales.All(ref Unsafe.Add(ref block, 4));
        for (int at = 0; at < 256; at += 64)
        {
            Vector128<byte> first = Vector128.LoadUnsafe(ref block, (nuint)(16 + at / 2));
            Vector128<byte> second = Vector128.LoadUnsafe(ref block, (nuint)(32 + at / 2));
            float scale = d * (byte)scales;
            float offset = -(dmin * (byte)minimums);
            Lanes.Store(Lanes.LowNibbles(first), scale, offset, ref Unsafe.Add(ref output, at));
            Lanes.Store(Lanes.LowNibbles(second), scale, offset, ref Unsafe.Add(ref output, at + 16));
            scale = d * (byte)(scales >> 8);
            offset = -(dmin * (byte)(minimums >> 8));
            Lanes.Store(Lanes.HighNibbles(first), scale, offset, ref Unsafe.Add(ref output, at + 32));
            Lanes.Store(Lanes.HighNibbles(second), scale, offset, ref Unsafe.Add(ref output, at + 48));
            scales >>= 16;
            minimums >>= 16;
        }
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> scales = stackalloc byte[8];
        Span<byte> minimums = stackalloc byte[8];
        Span<byte> quants = stackalloc byte[256];
        (float d, float dmin) = AffineSuperblock.Fit(values, levels: 15, scaleLimit: 63, scales, minimums, quants);
        BlockBytes.WriteHalf(block, 0, d);
        BlockBytes.WriteHalf(block, 2, dmin);
        for (int j = 0; j < 8; j++) SixBitScales.Set(block.Slice(4, 12), j, scales[j], minimums[j]);
        PackNibbles(quants, block.Slice(16, 128));
    }

    /// <summary>Packs the low four bits of 256 quants: of each 64, the first 32 in the low nibbles of 32 bytes.</summary>
    internal static void PackNibbles(ReadOnlySpan<byte> quants, Span<byte> packed)
    {
        for (int i = 0; i < 128; i++)
        {
            ReadOnlySpan<byte> column = quants[(64 * (i / 32) + i % 32)..];
            packed[i] = (byte)((column[0] & 15) | (column[32] & 15) << 4);
        }
    }
}
