using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Steps that the superblock types share at 128 bits. A piece is 16 elements: the lower or the upper half of a group of
/// 32.</summary>
internal static unsafe class NarrowSuperblocks
{
    /// <summary>Four bits of each byte of a half group: 16 bytes hold a piece of an even group and one of the odd group behind
    /// it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> FourBits(byte* quants, int piece)
    {
        Vector128<byte> packed = Vector128.Load(quants + (32 * (piece / 4)) + (16 * (piece % 2)));
        return piece % 4 < 2 ? packed & Vector128.Create((byte)0x0F) : Vector128.ShiftRightLogical(packed, 4);
    }

    /// <summary>Two bits of each byte: those of the group's quarter of a half superblock.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> TwoBits(byte* quants, int piece) =>
        Vector128.ShiftRightLogical(Vector128.Load(quants + (32 * (piece / 8)) + (16 * (piece % 2))), 2 * (piece / 2 % 4))
            & Vector128.Create((byte)3);

    /// <summary>The group's bit of each of 32 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> OneBit(byte* mask, int piece) =>
        Vector128.ShiftRightLogical(Vector128.Load(mask + (16 * (piece % 2))), piece / 2) & Vector128.Create((byte)1);

    /// <summary>Scales and minima of Q4_K and Q5_K.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SixBit(byte* block, float* scales, float* minima)
    {
        (ulong sc, ulong mn) = Superblocks.SixBit(block);
        NarrowSteps.Bytes8(sc, Halves.ToFloat(*(ushort*)block), scales);
        NarrowSteps.Bytes8(mn, -Halves.ToFloat(*(ushort*)(block + 2)), minima);
    }

    /// <summary>One scale for all sub-blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Same8(byte* half, float* scales)
    {
        Vector128<float> d = Vector128.Create(Halves.ToFloat(*(ushort*)half));
        d.Store(scales);
        d.Store(scales + 4);
    }
}

/// <summary>Q4_K.</summary>
internal unsafe struct NarrowQ4_K : INarrowBlock
{
    public static int Elements => 256;

    public static int Bytes => 144;

    public static int SubElements => 32;

    public static bool HasMinima => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) => NarrowSuperblocks.FourBits(block + 16, piece).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => NarrowSuperblocks.SixBit(block, scales, minima);
}

/// <summary>Q5_K.</summary>
internal unsafe struct NarrowQ5_K : INarrowBlock
{
    public static int Elements => 256;

    public static int Bytes => 176;

    public static int SubElements => 32;

    public static bool HasMinima => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) =>
        (NarrowSuperblocks.FourBits(block + 48, piece) | Vector128.ShiftLeft(NarrowSuperblocks.OneBit(block + 16, piece), 4)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => NarrowSuperblocks.SixBit(block, scales, minima);
}

/// <summary>Q6_K.</summary>
internal unsafe struct NarrowQ6_K : INarrowBlock
{
    public static int Elements => 256;

    public static int Bytes => 210;

    public static int SubElements => 16;

    public static bool HasMinima => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece)
    {
        int half = piece / 8, quarter = piece / 2 % 4, part = 16 * (piece % 2);
        Vector128<byte> packed = Vector128.Load(block + (64 * half) + (32 * (quarter % 2)) + part);
        Vector128<byte> low = quarter < 2 ? packed & Vector128.Create((byte)0x0F) : Vector128.ShiftRightLogical(packed, 4);
        Vector128<byte> high = Vector128.ShiftRightLogical(Vector128.Load(block + 128 + (32 * half) + part), 2 * quarter)
            & Vector128.Create((byte)3);
        return (low | Vector128.ShiftLeft(high, 4)).AsSByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)(block + 208));
        Vector128<sbyte> sc = Vector128.Load((sbyte*)(block + 192));
        NarrowSteps.Signed16(sc, d, scales);
        NarrowSteps.Signed16(sc, -32 * d, minima);
    }
}

/// <summary>Q3_K.</summary>
internal unsafe struct NarrowQ3_K : INarrowBlock
{
    public static int Elements => 256;

    public static int Bytes => 110;

    public static int SubElements => 16;

    public static bool HasMinima => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) =>
        (NarrowSuperblocks.TwoBits(block + 32, piece) | Vector128.ShiftLeft(NarrowSuperblocks.OneBit(block, piece), 2)).AsSByte();

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
        NarrowSteps.Signed16(signed, d, scales);
        NarrowSteps.Signed16(signed, -4 * d, minima);
    }
}

/// <summary>Q2_K.</summary>
internal unsafe struct NarrowQ2_K : INarrowBlock
{
    public static int Elements => 256;

    public static int Bytes => 84;

    public static int SubElements => 16;

    public static bool HasMinima => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) => NarrowSuperblocks.TwoBits(block + 16, piece).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        Vector128<byte> packed = Vector128.Load(block);
        NarrowSteps.Signed16((packed & Vector128.Create((byte)0x0F)).AsSByte(), Halves.ToFloat(*(ushort*)(block + 80)), scales);
        NarrowSteps.Signed16(Vector128.ShiftRightLogical(packed, 4).AsSByte(), -Halves.ToFloat(*(ushort*)(block + 82)), minima);
    }
}

/// <summary>IQ4_XS.</summary>
internal unsafe struct NarrowIQ4_XS : INarrowBlock
{
    public static int Elements => 256;

    public static int Bytes => 136;

    public static int SubElements => 32;

    public static bool HasMinima => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) =>
        NarrowNibbles.NonLinear(NarrowNibbles.Unpack(block + 8 + (16 * (piece / 2)), piece % 2));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        // Eight 4-bit low parts and eight 2-bit high parts. Byte g of the latter is multiplied so that its two bits become the upper ones.
        Vector128<byte> nibbles = Vector128.CreateScalarUnsafe(*(uint*)(block + 4)).AsByte();
        Vector128<byte> odd = Vector128.ShiftRightLogical(nibbles, 4);
        Vector128<byte> low =
            Vector128.Shuffle(nibbles & Vector128.Create((byte)0x0F),
                Vector128.Create((byte)0, 255, 1, 255, 2, 255, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255))
            | Vector128.Shuffle(odd, Vector128.Create((byte)255, 0, 255, 1, 255, 2, 255, 3, 255, 255, 255, 255, 255, 255, 255, 255));
        Vector128<byte> spread = Vector128.Shuffle(
            Vector128.CreateScalarUnsafe((uint)*(ushort*)(block + 2)).AsByte(),
            Vector128.Create((byte)0, 0, 0, 0, 1, 1, 1, 1, 255, 255, 255, 255, 255, 255, 255, 255));
        Vector128<byte> high =
            Vector128.ShiftRightLogical(spread * Vector128.Create((byte)64, 16, 4, 1, 64, 16, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0), 6);
        Vector128<short> scale = Vector128.WidenLower((low | Vector128.ShiftLeft(high, 4)).AsSByte() - Vector128.Create((sbyte)32));
        float d = Halves.ToFloat(*(ushort*)block);
        (Vector128.ConvertToSingle(Vector128.WidenLower(scale)) * d).Store(scales);
        (Vector128.ConvertToSingle(Vector128.WidenUpper(scale)) * d).Store(scales + 4);
    }
}

/// <summary>TQ2_0.</summary>
internal unsafe struct NarrowTQ2_0 : INarrowBlock
{
    public static int Elements => 256;

    public static int Bytes => 66;

    public static int SubElements => 32;

    public static bool HasMinima => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) =>
        NarrowSuperblocks.TwoBits(block, piece).AsSByte() - Vector128.Create((sbyte)1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => NarrowSuperblocks.Same8(block + 64, scales);
}

/// <summary>TQ1_0. Trit n of a byte is the upper part of 3·(b·3ⁿ mod 256), so that it is 0, 1 or 2 as b·3ⁿ mod 256 passes 86 and
/// 171.</summary>
internal unsafe struct NarrowTQ1_0 : INarrowBlock
{
    public static int Elements => 256;

    public static int Bytes => 54;

    public static int SubElements => 32;

    public static bool HasMinima => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece)
    {
        // Bytes 0–31 hold elements 0–159, five times 32; bytes 32–47 the next 80, five times 16; bytes 48–51 the last 16, four times 4.
        Vector128<byte> v = piece switch
        {
            < 10 => Times3(Vector128.Load(block + (16 * (piece % 2))), piece / 2),
            < 15 => Times3(Vector128.Load(block + 32), piece - 10),
            _ => Vector128.Create(*(uint*)(block + 48)).AsByte()
                * Vector128.Create((byte)1, 1, 1, 1, 3, 3, 3, 3, 9, 9, 9, 9, 27, 27, 27, 27),
        };
        Vector128<byte> one = Vector128.GreaterThanOrEqual(v, Vector128.Create((byte)86)),
            two = Vector128.GreaterThanOrEqual(v, Vector128.Create((byte)171));

        // Each comparison that holds is −1.
        return -(one.AsSByte() + two.AsSByte()) - Vector128.Create((sbyte)1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => NarrowSuperblocks.Same8(block + 52, scales);

    /// <summary>Bytes times 3ⁿ modulo 256.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Times3(Vector128<byte> v, int n)
    {
        if (n > 0) v += v + v;
        if (n > 1) v += v + v;
        if (n > 2) v += v + v;
        if (n > 3) v += v + v;
        return v;
    }
}
