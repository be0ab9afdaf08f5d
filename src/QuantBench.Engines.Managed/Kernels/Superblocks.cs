using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Steps that readers of superblock types share. Scales are read by 256-bit vectors where this process has AVX2.</summary>
internal static unsafe class Superblocks
{
    /// <summary>Scales and minima of Q4_K and Q5_K: 6 bits each, packed into 12 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SixBit(byte* block, float* scales, float* minima)
    {
        (ulong sc, ulong mn) = SixBit(block);
        Bytes8(sc, Halves.ToFloat(*(ushort*)block), scales);
        Bytes8(mn, -Halves.ToFloat(*(ushort*)(block + 2)), minima);
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

    /// <summary>Eight bytes up to 127 times a factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Bytes8(ulong bytes, float factor, float* result) =>
        Signed8(Vector128.CreateScalarUnsafe(bytes).AsSByte(), factor, result);

    /// <summary>Eight signed bytes times a factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Signed8(Vector128<sbyte> bytes, float factor, float* result)
    {
        if (Avx2.IsSupported)
        {
            (Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(bytes)) * Vector256.Create(factor)).Store(result);
            return;
        }

        Vector128<short> wide = Vector128.WidenLower(bytes);
        (Vector128.ConvertToSingle(Vector128.WidenLower(wide)) * factor).Store(result);
        (Vector128.ConvertToSingle(Vector128.WidenUpper(wide)) * factor).Store(result + 4);
    }

    /// <summary>Sixteen signed bytes times a factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Signed16(Vector128<sbyte> bytes, float factor, float* result)
    {
        Signed8(bytes, factor, result);
        Signed8(Vector128.Shuffle(bytes.AsUInt64(), Vector128.Create(1UL, 1)).AsSByte(), factor, result + 8);
    }

    /// <summary>Sixteen signed bytes times a factor, and those times a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Signed16(Vector128<sbyte> bytes, float factor, float number, float* result, float* products)
    {
        if (Avx2.IsSupported)
        {
            Vector256<float> low = Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(bytes));
            Vector256<float> high = Avx.ConvertToVector256Single(
                Avx2.ConvertToVector256Int32(Vector128.Shuffle(bytes.AsUInt64(), Vector128.Create(1UL, 1)).AsSByte()));
            Vector256<float> f = Vector256.Create(factor), n = Vector256.Create(number * factor);
            (low * f).Store(result);
            (high * f).Store(result + 8);
            (low * n).Store(products);
            (high * n).Store(products + 8);
            return;
        }

        Signed16(bytes, factor, result);
        Signed16(bytes, number * factor, products);
    }

    /// <summary>One scale for all sub-blocks of numbers 0, 1, 2 that stand for −1, 0, 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ternary(byte* half, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)half);
        Vector256.Create(d).Store(scales);
        Vector256.Create(-d).Store(minima);
    }

    /// <summary>Half of each byte: 32 bytes hold an even group and the odd one behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TBytes FourBits<TBytes>(byte* quants, int group, int part)
        where TBytes : struct, IBytes<TBytes>
    {
        TBytes packed = TBytes.Load(quants + (32 * (group / 2)) + part);
        return group % 2 == 0 ? packed & 0x0F : TBytes.High(packed);
    }

    /// <summary>Two bits of each byte: those of the group's quarter of a half superblock.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TBytes TwoBits<TBytes>(byte* quants, int group, int part)
        where TBytes : struct, IBytes<TBytes> => (TBytes.Load(quants + (32 * (group / 4)) + part) >> (2 * (group % 4))) & 3;

    /// <summary>The group's bit of each of 32 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TBytes OneBit<TBytes>(byte* mask, int group, int part)
        where TBytes : struct, IBytes<TBytes> => (TBytes.Load(mask + part) >> group) & 1;
}
