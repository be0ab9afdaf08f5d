using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Steps that the superblock types share.</summary>
internal static unsafe class Superblocks
{
    /// <summary>Scales and minima of Q4_K and Q5_K: 6 bits each, packed into 12 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SixBit(byte* block, float* scales, float* minima)
    {
        (ulong sc, ulong mn) = SixBit(block);
        float d = Halves.ToFloat(*(ushort*)block), least = -Halves.ToFloat(*(ushort*)(block + 2));
        (Bytes8(sc) * Vector256.Create(d)).Store(scales);
        (Bytes8(mn) * Vector256.Create(least)).Store(minima);
    }

    /// <summary>The 8 scales and the 8 minima, a byte each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (ulong Scales, ulong Minima) SixBit(byte* block)
    {
        uint u0 = *(uint*)(block + 4), u1 = *(uint*)(block + 8), u2 = *(uint*)(block + 12);
        ulong sc = (u0 & 0x3F3F3F3F) | ((ulong)((u2 & 0x0F0F0F0F) | ((u0 >> 2) & 0x30303030)) << 32);
        ulong mn = (u1 & 0x3F3F3F3F) | ((ulong)(((u2 >> 4) & 0x0F0F0F0F) | ((u1 >> 2) & 0x30303030)) << 32);
        return (sc, mn);
    }

    /// <summary>Eight unsigned bytes as floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Bytes8(ulong bytes) =>
        Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(Vector128.CreateScalarUnsafe(bytes).AsByte()));

    /// <summary>Sixteen signed bytes times a factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Signed16(Vector128<sbyte> bytes, float factor, float* result)
    {
        Vector256<float> f = Vector256.Create(factor);
        (Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(bytes)) * f).Store(result);
        (Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(Vector128.Shuffle(bytes.AsUInt64(), Vector128.Create(1UL, 1)).AsSByte()))
            * f).Store(result + 8);
    }

    /// <summary>One scale for all sub-blocks of numbers 0, 1, 2 that stand for −1, 0, 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ternary(byte* half, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)half);
        Vector256.Create(d).Store(scales);
        Vector256.Create(-d).Store(minima);
    }

    /// <summary>Two bits of each byte: those of the group's quarter of a half superblock.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> TwoBits(byte* quants, int group) =>
        Vector256.ShiftRightLogical(Vector256.Load(quants + (32 * (group / 4))).AsUInt16(), 2 * (group % 4)).AsByte()
            & Vector256.Create((byte)3);
}

/// <summary>Q4_K.</summary>
internal unsafe struct BlockQ4_K : IWeightBlock
{
    public static int Elements => 256;

    public static int Bytes => 144;

    public static int SubElements => 32;

    public static bool Signed => false;

    public static int Largest => 15;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group)
    {
        Vector256<ushort> packed = Vector256.Load((ushort*)(block + 16 + (32 * (group / 2))));
        return (group % 2 == 0 ? packed : Vector256.ShiftRightLogical(packed, 4)).AsByte() & Vector256.Create((byte)0x0F);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => Superblocks.SixBit(block, scales, minima);
}

/// <summary>Q5_K.</summary>
internal unsafe struct BlockQ5_K : IWeightBlock
{
    public static int Elements => 256;

    public static int Bytes => 176;

    public static int SubElements => 32;

    public static bool Signed => false;

    public static int Largest => 31;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group)
    {
        Vector256<ushort> packed = Vector256.Load((ushort*)(block + 48 + (32 * (group / 2))));
        Vector256<byte> low = (group % 2 == 0 ? packed : Vector256.ShiftRightLogical(packed, 4)).AsByte() & Vector256.Create((byte)0x0F);
        Vector256<ushort> high = Vector256.Load((ushort*)(block + 16));
        Vector256<byte> bit = Vector256.ShiftLeft(Vector256.ShiftRightLogical(high, group).AsByte() & Vector256.Create((byte)1), 4);
        return low | bit;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => Superblocks.SixBit(block, scales, minima);
}

/// <summary>Q6_K.</summary>
internal unsafe struct BlockQ6_K : IWeightBlock
{
    public static int Elements => 256;

    public static int Bytes => 210;

    public static int SubElements => 16;

    public static bool Signed => false;

    public static int Largest => 63;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group)
    {
        int half = group / 4, quarter = group % 4;
        Vector256<ushort> packed = Vector256.Load((ushort*)(block + (64 * half) + (32 * (quarter & 1))));
        Vector256<byte> low = (quarter < 2 ? packed : Vector256.ShiftRightLogical(packed, 4)).AsByte() & Vector256.Create((byte)0x0F);
        Vector256<ushort> high = Vector256.Load((ushort*)(block + 128 + (32 * half)));
        high = quarter switch
        {
            0 => Vector256.ShiftLeft(high, 4),
            1 => Vector256.ShiftLeft(high, 2),
            2 => high,
            _ => Vector256.ShiftRightLogical(high, 2),
        };
        return low | (high.AsByte() & Vector256.Create((byte)0x30));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)(block + 208));
        Vector128<sbyte> sc = Vector128.Load((sbyte*)(block + 192));
        Superblocks.Signed16(sc, d, scales);
        Superblocks.Signed16(sc, -32 * d, minima);
    }
}

/// <summary>Q3_K.</summary>
internal unsafe struct BlockQ3_K : IWeightBlock
{
    public static int Elements => 256;

    public static int Bytes => 110;

    public static int SubElements => 16;

    public static bool Signed => false;

    public static int Largest => 7;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group)
    {
        Vector256<ushort> mask = Vector256.Load((ushort*)block);
        Vector256<byte> bit = Vector256.ShiftRightLogical(mask, group).AsByte() & Vector256.Create((byte)1);
        return Superblocks.TwoBits(block + 32, group) | Vector256.ShiftLeft(bit, 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        byte* s = block + 96;
        uint u0 = *(uint*)s, u1 = *(uint*)(s + 4), u2 = *(uint*)(s + 8);
        Vector128<byte> sc = Vector128.Create(
            (u0 & 0x0F0F0F0F) | ((u2 & 0x03030303) << 4),
            (u1 & 0x0F0F0F0F) | (((u2 >> 2) & 0x03030303) << 4),
            ((u0 >> 4) & 0x0F0F0F0F) | (((u2 >> 4) & 0x03030303) << 4),
            ((u1 >> 4) & 0x0F0F0F0F) | (((u2 >> 6) & 0x03030303) << 4)).AsByte();
        float d = Halves.ToFloat(*(ushort*)(block + 108));
        Vector128<sbyte> signed = sc.AsSByte() - Vector128.Create((sbyte)32);
        Superblocks.Signed16(signed, d, scales);
        Superblocks.Signed16(signed, -4 * d, minima);
    }
}

/// <summary>Q2_K.</summary>
internal unsafe struct BlockQ2_K : IWeightBlock
{
    public static int Elements => 256;

    public static int Bytes => 84;

    public static int SubElements => 16;

    public static bool Signed => false;

    public static int Largest => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group) => Superblocks.TwoBits(block + 16, group);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        Vector128<byte> packed = Vector128.Load(block);
        Vector128<byte> low = packed & Vector128.Create((byte)0x0F);
        Vector128<byte> high = Vector128.ShiftRightLogical(packed.AsUInt16(), 4).AsByte() & Vector128.Create((byte)0x0F);
        Superblocks.Signed16(low.AsSByte(), Halves.ToFloat(*(ushort*)(block + 80)), scales);
        Superblocks.Signed16(high.AsSByte(), -Halves.ToFloat(*(ushort*)(block + 82)), minima);
    }
}

/// <summary>IQ4_XS.</summary>
internal unsafe struct BlockIQ4_XS : IWeightBlock
{
    public static int Elements => 256;

    public static int Bytes => 136;

    public static int SubElements => 32;

    public static bool Signed => true;

    public static int Largest => 127;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group) => Nibbles.NonLinear(Nibbles.Unpack(block + 8 + (16 * group)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        // Eight 4-bit low parts and eight 2-bit high parts, one of each per lane.
        Vector256<uint> low = Avx2.ShiftRightLogicalVariable(
            Vector256.Create(*(uint*)(block + 4)), Vector256.Create(0u, 4, 8, 12, 16, 20, 24, 28)) & Vector256.Create(15u);
        Vector256<uint> high = Avx2.ShiftRightLogicalVariable(
            Vector256.Create((uint)*(ushort*)(block + 2)), Vector256.Create(0u, 2, 4, 6, 8, 10, 12, 14)) & Vector256.Create(3u);
        Vector256<int> scale = (low | Vector256.ShiftLeft(high, 4)).AsInt32() - Vector256.Create(32);
        (Avx.ConvertToVector256Single(scale) * Vector256.Create(Halves.ToFloat(*(ushort*)block))).Store(scales);
    }
}

/// <summary>TQ2_0.</summary>
internal unsafe struct BlockTQ2_0 : IWeightBlock
{
    public static int Elements => 256;

    public static int Bytes => 66;

    public static int SubElements => 32;

    public static bool Signed => false;

    public static int Largest => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group) => Superblocks.TwoBits(block, group);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => Superblocks.Ternary(block + 64, scales, minima);
}

/// <summary>TQ1_0. Trit n of a byte is the upper part of 3·(b·3ⁿ mod 256), so that it is 0, 1 or 2 as b·3ⁿ mod 256 passes 86 and
/// 171.</summary>
internal unsafe struct BlockTQ1_0 : IWeightBlock
{
    public static int Elements => 256;

    public static int Bytes => 54;

    public static int SubElements => 32;

    public static bool Signed => false;

    public static int Largest => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group)
    {
        Vector256<byte> v;
        if (group < 5)
        {
            v = Vector256.Load(block);
            if (group > 0) v += v + v;
            if (group > 1) v += v + v;
            if (group > 2) v += v + v;
            if (group > 3) v += v + v;
        }
        else
        {
            // Bytes 32–47 hold elements 160–239, five times 16; bytes 48–51 the last 16, four times 4.
            Vector128<byte> third = Vector128.Load(block + 32);
            if (group > 5) third = Times3(Times3(third));
            if (group > 6) third = Times3(Times3(third));
            Vector128<byte> next = group < 7 ? Times3(third) : Last(block + 48);
            v = Vector256.Create(third, next);
        }

        Vector256<byte> one = Vector256.Equals(Vector256.Max(v, Vector256.Create((byte)86)), v);
        Vector256<byte> two = Vector256.Equals(Vector256.Max(v, Vector256.Create((byte)171)), v);
        return -(one + two);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => Superblocks.Ternary(block + 52, scales, minima);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Times3(Vector128<byte> v) => v + v + v;

    /// <summary>Four bytes times 1, 3, 9 and 27 modulo 256; products of 16-bit lanes, of which the low byte is kept.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Last(byte* bytes)
    {
        Vector256<short> wide = Avx2.ConvertToVector256Int16(Vector128.Create(*(uint*)bytes).AsByte());
        wide = (wide * Vector256.Create((short)1, 1, 1, 1, 3, 3, 3, 3, 9, 9, 9, 9, 27, 27, 27, 27)) & Vector256.Create((short)0xFF);
        return Sse2.PackUnsignedSaturate(wide.GetLower(), wide.GetUpper());
    }
}
