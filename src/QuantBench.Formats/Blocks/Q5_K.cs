using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>As <see cref="Q4_K"/> with 32 bytes of fifth bits at 16 (bit i / 32 of byte i % 32) and the nibbles at 48.</summary>
public readonly struct Q5_K : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 176;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation)
    {
        BlockBytes.WriteHalf(block, 0, 1 / 500f * deviation);
        BlockBytes.WriteHalf(block, 2, 15.5f / 500 * deviation);
    }

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        float dmin = BlockBytes.Half(block, 2);
        for (int i = 0; i < 256; i++)
        {
            int j = i / 32;
            (int scale, int minimum) = SixBitScales.Get(block.Slice(4, 12), j);
            int q = BlockBytes.Nibble(block[48 + 32 * (j / 2) + i % 32], j % 2) | ((block[16 + i % 32] >> j) & 1) << 4;
            output[i] = d * scale * q - dmin * minimum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        float dmin = BlockBytes.Half(ref block, 2);
        (ulong scales, ulong minimums) = SixBitScales.All(ref Unsafe.Add(ref block, 4));
        Vector128<byte> fifths0 = Vector128.LoadUnsafe(ref block, 16);
        Vector128<byte> fifths1 = Vector128.LoadUnsafe(ref block, 32);
        Vector128<byte> even = Vector128.Create((byte)1);
        Vector128<byte> odd = Vector128.Create((byte)2);
        Vector128<byte> sixteen = Vector128.Create((byte)16);
        for (int at = 0; at < 256; at += 64)
        {
            Vector128<byte> first = Vector128.LoadUnsafe(ref block, (nuint)(48 + at / 2));
            Vector128<byte> second = Vector128.LoadUnsafe(ref block, (nuint)(64 + at / 2));
            float scale = d * (byte)scales;
            float offset = -(dmin * (byte)minimums);
            Lanes.Store(Lanes.LowNibbles(first) | Lanes.Where(fifths0, even, sixteen), scale, offset, ref Unsafe.Add(ref output, at));
            Lanes.Store(Lanes.LowNibbles(second) | Lanes.Where(fifths1, even, sixteen), scale, offset, ref Unsafe.Add(ref output, at + 16));
            scale = d * (byte)(scales >> 8);
            offset = -(dmin * (byte)(minimums >> 8));
            Lanes.Store(Lanes.HighNibbles(first) | Lanes.Where(fifths0, odd, sixteen), scale, offset, ref Unsafe.Add(ref output, at + 32));
            Lanes.Store(Lanes.HighNibbles(second) | Lanes.Where(fifths1, odd, sixteen), scale, offset, ref Unsafe.Add(ref output, at + 48));
            scales >>= 16;
            minimums >>= 16;
            even += even + even + even; // ×4: the bits of the next 64 elements; the last pass overflows to 0 and is not used
            odd += odd + odd + odd;
        }
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> scales = stackalloc byte[8];
        Span<byte> minimums = stackalloc byte[8];
        Span<byte> quants = stackalloc byte[256];
        (float d, float dmin) = AffineSuperblock.Fit(values, levels: 31, scaleLimit: 63, scales, minimums, quants);
        BlockBytes.WriteHalf(block, 0, d);
        BlockBytes.WriteHalf(block, 2, dmin);
        for (int j = 0; j < 8; j++) SixBitScales.Set(block.Slice(4, 12), j, scales[j], minimums[j]);
        block.Slice(16, 32).Clear();
        for (int i = 0; i < 256; i++) block[16 + i % 32] |= (byte)(quants[i] >> 4 << (i / 32));
        Q4_K.PackNibbles(quants, block.Slice(48, 128));
    }
}
