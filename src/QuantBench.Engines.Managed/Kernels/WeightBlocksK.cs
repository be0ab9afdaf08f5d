using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using QuantBench.Formats.Blocks;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Q4_K.</summary>
internal unsafe struct BlockQ4_K : IWeightBlock<Q4_K>
{
    static int IWeightBlock.Largest => 15;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => Superblocks.FourBits<TBytes>(block + 16, group, part);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima) => Superblocks.SixBit(block, scales, minima);
}

/// <summary>Q5_K.</summary>
internal unsafe struct BlockQ5_K : IWeightBlock<Q5_K>
{
    static int IWeightBlock.Largest => 31;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) =>
        Superblocks.FourBits<TBytes>(block + 48, group, part) | (Superblocks.OneBit<TBytes>(block + 16, group, part) << 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima) => Superblocks.SixBit(block, scales, minima);
}

/// <summary>Q6_K.</summary>
internal unsafe struct BlockQ6_K : IWeightBlock<Q6_K>
{
    static int IWeightBlock.SubElements => 16;

    static int IWeightBlock.Largest => 63;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part)
    {
        int half = group / 4, quarter = group % 4;
        TBytes packed = TBytes.Load(block + (64 * half) + (32 * (quarter & 1)) + part);
        TBytes high = TBytes.Load(block + 128 + (32 * half) + part);
        high = quarter switch
        {
            0 => high << 4,
            1 => high << 2,
            2 => high,
            _ => high >> 2,
        };
        return TBytes.Merge(quarter < 2 ? packed & 0x0F : TBytes.High(packed), high, 0x30);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)(block + 208));
        Superblocks.Signed16(Vector128.Load((sbyte*)(block + 192)), d, -32, scales, minima);
    }
}

/// <summary>Q3_K.</summary>
internal unsafe struct BlockQ3_K : IWeightBlock<Q3_K>
{
    static int IWeightBlock.SubElements => 16;

    static int IWeightBlock.Largest => 7;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) =>
        Superblocks.TwoBits<TBytes>(block + 32, group, part) | (Superblocks.OneBit<TBytes>(block, group, part) << 2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        byte* s = block + 96;
        uint u0 = *(uint*)s, u1 = *(uint*)(s + 4), u2 = *(uint*)(s + 8);
        Vector128<byte> sc = Vector128.Create(
            (u0 & 0x0F0F0F0F) | ((u2 & 0x03030303) << 4),
            (u1 & 0x0F0F0F0F) | (((u2 >> 2) & 0x03030303) << 4),
            ((u0 >> 4) & 0x0F0F0F0F) | (((u2 >> 4) & 0x03030303) << 4),
            ((u1 >> 4) & 0x0F0F0F0F) | (((u2 >> 6) & 0x03030303) << 4)).AsByte();
        float d = Halves.ToFloat(*(ushort*)(block + 108));
        Superblocks.Signed16(sc.AsSByte() - Vector128.Create((sbyte)32), d, -4, scales, minima);
    }
}

/// <summary>Q2_K.</summary>
internal unsafe struct BlockQ2_K : IWeightBlock<Q2_K>
{
    static int IWeightBlock.SubElements => 16;

    static int IWeightBlock.Largest => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => Superblocks.TwoBits<TBytes>(block + 16, group, part);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        Vector128<byte> packed = Vector128.Load(block), low = packed & Vector128.Create((byte)0x0F);
        Superblocks.Signed16(low.AsSByte(), Halves.ToFloat(*(ushort*)(block + 80)), scales);
        Superblocks.Signed16(Vector128.ShiftRightLogical(packed, 4).AsSByte(), -Halves.ToFloat(*(ushort*)(block + 82)), minima);
    }
}

/// <summary>IQ4_XS.</summary>
internal unsafe struct BlockIQ4_XS : IWeightBlock<IQ4_XS>
{
    static bool IWeightBlock.Signed => true;

    static int IWeightBlock.Largest => 127;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) =>
        TBytes.Lookup(Levels.NonLinear, TBytes.Nibbles(block + 8 + (16 * group), part));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        // Eight 4-bit low parts and eight 2-bit high parts become a byte each: halves of words move apart, then halves of those.
        ulong low = *(uint*)(block + 4), high = *(ushort*)(block + 2);
        low = (low | (low << 16)) & 0x0000FFFF_0000FFFF;
        low = (low | (low << 8)) & 0x00FF00FF_00FF00FF;
        low = (low | (low << 4)) & 0x0F0F0F0F_0F0F0F0F;
        high = (high | (high << 24)) & 0x000000FF_000000FF;
        high = (high | (high << 12)) & 0x000F000F_000F000F;
        high = (high | (high << 6)) & 0x03030303_03030303;
        Vector128<sbyte> scale = Vector128.CreateScalarUnsafe(low | (high << 4)).AsSByte() - Vector128.Create((sbyte)32);
        Superblocks.Signed8(scale, Halves.ToFloat(*(ushort*)block), scales);
    }
}

/// <summary>TQ2_0.</summary>
internal unsafe struct BlockTQ2_0 : IWeightBlock<TQ2_0>
{
    static int IWeightBlock.Largest => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => Superblocks.TwoBits<TBytes>(block, group, part);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima) => Superblocks.Ternary(block + 64, scales, minima);
}

/// <summary>TQ1_0. Trit n of a byte is the upper part of 3·(b·3ⁿ mod 256), so that it is 0, 1 or 2 as b·3ⁿ mod 256 passes 86 and
/// 171.</summary>
internal unsafe struct BlockTQ1_0 : IWeightBlock<TQ1_0>
{
    static int IWeightBlock.Largest => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part)
    {
        // Bytes 0–31 hold elements 0–159, five times 32; bytes 32–47 the next 80, five times 16; bytes 48–51 the last 16, four times 4.
        TBytes v;
        if (group < 5)
        {
            v = TBytes.Load(block + part);
            if (group > 0) v += v + v;
            if (group > 1) v += v + v;
            if (group > 2) v += v + v;
            if (group > 3) v += v + v;
        }
        else
        {
            Vector128<byte> first = Vector128.Load(block + 32);
            if (group > 5) first = Times3(Times3(first));
            if (group > 6) first = Times3(Times3(first));
            Vector128<byte> last = Vector128.Create(*(uint*)(block + 48)).AsByte()
                * Vector128.Create((byte)1, 1, 1, 1, 3, 3, 3, 3, 9, 9, 9, 9, 27, 27, 27, 27);
            v = TBytes.Of(first, group < 7 ? Times3(first) : last, part);
        }

        // Each comparison that holds is −1.
        return TBytes.Same(0) - (TBytes.AtLeast(v, 86) + TBytes.AtLeast(v, 171));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima) => Superblocks.Ternary(block + 52, scales, minima);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Times3(Vector128<byte> v) => v + v + v;
}
