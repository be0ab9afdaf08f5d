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
        (Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(Vector128.Shuffle(bytes.AsUInt64(), Vector128.Create(1UL, 1)).AsSByte())) * f).Store(result + 8);
    }

    /// <summary>Two bits of each byte: those of the group's quarter of a half superblock.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> TwoBits(byte* quants, int group) =>
        Vector256.ShiftRightLogical(Vector256.Load(quants + (32 * (group / 4))).AsUInt16(), 2 * (group % 4)).AsByte() & Vector256.Create((byte)3);
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
        float d = Halves.ToFloat(*(ushort*)block);
        uint high = *(ushort*)(block + 2);
        uint low = *(uint*)(block + 4);
        for (int g = 0; g < 8; g++)
        {
            uint ls = ((low >> (4 * g)) & 15) | (((high >> (2 * g)) & 3) << 4);
            scales[g] = d * ((int)ls - 32);
        }
    }
}
