using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using QuantBench.Formats.Blocks;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Levels of the types whose nibbles are looked up, twice, as lookups of 32 bytes want them.</summary>
internal static class Levels
{
    /// <summary>Of the non-linear 4-bit types.</summary>
    public static Vector256<byte> NonLinear
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.Create(
            (sbyte)-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
            -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113).AsByte();
    }

    /// <summary>Of the 4-bit floats, −12 … 12 with half the scale, plus 12, so that they are unsigned.</summary>
    public static Vector256<byte> Fp4
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.Create(
            (byte)12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0,
            12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0);
    }
}

/// <summary>Q4_0.</summary>
internal unsafe struct BlockQ4_0 : IWeightBlock32<BlockQ4_0, Q4_0>
{
    static int IWeightBlock.Largest => 15;

    static float IWeightBlock32.Zero => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => TBytes.Nibbles(block + 2, part);
}

/// <summary>Q4_1.</summary>
internal unsafe struct BlockQ4_1 : IWeightBlock32<BlockQ4_1, Q4_1>
{
    static int IWeightBlock.Largest => 15;

    static bool IWeightBlock32.HasMinimum => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => TBytes.Nibbles(block + 4, part);
}

/// <summary>Q5_0.</summary>
internal unsafe struct BlockQ5_0 : IWeightBlock32<BlockQ5_0, Q5_0>
{
    static int IWeightBlock.Largest => 31;

    static float IWeightBlock32.Zero => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) =>
        TBytes.Merge(TBytes.Nibbles(block + 6, part), TBytes.Bits(block + 2, part), 16);
}

/// <summary>Q5_1.</summary>
internal unsafe struct BlockQ5_1 : IWeightBlock32<BlockQ5_1, Q5_1>
{
    static int IWeightBlock.Largest => 31;

    static bool IWeightBlock32.HasMinimum => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) =>
        TBytes.Merge(TBytes.Nibbles(block + 8, part), TBytes.Bits(block + 4, part), 16);
}

/// <summary>Q8_0.</summary>
internal unsafe struct BlockQ8_0 : IWeightBlock32<BlockQ8_0, Q8_0>
{
    static bool IWeightBlock.Signed => true;

    static int IWeightBlock.Largest => 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => TBytes.Load(block + 2 + part);
}

/// <summary>IQ4_NL.</summary>
internal unsafe struct BlockIQ4_NL : IWeightBlock32<BlockIQ4_NL, IQ4_NL>
{
    static bool IWeightBlock.Signed => true;

    static int IWeightBlock.Largest => 127;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) =>
        TBytes.Lookup(Levels.NonLinear, TBytes.Nibbles(block + 2, part));
}

/// <summary>MXFP4.</summary>
internal unsafe struct BlockMXFP4 : IWeightBlock32<BlockMXFP4, MXFP4>
{
    static int IWeightBlock.Largest => 24;

    static float IWeightBlock32.Zero => 12;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) =>
        TBytes.Lookup(Levels.Fp4, TBytes.Nibbles(block + 1, part));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TLanes IWeightBlock32.Scale<TLanes>(byte* blocks, int apart) => TLanes.Exponents(blocks, apart);
}
