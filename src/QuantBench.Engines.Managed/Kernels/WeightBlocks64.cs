using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using QuantBench.Formats.Blocks;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>NVFP4.</summary>
internal unsafe struct BlockNVFP4 : IWeightBlock<NVFP4>
{
    static int IWeightBlock.SubElements => 16;

    static int IWeightBlock.Largest => 24;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part)
    {
        // Eight bytes hold 16 elements: low nibbles, then high ones.
        Vector128<byte> packed = Vector128.Load(block + 4 + (16 * group));
        Vector128<ulong> low = (packed & Vector128.Create((byte)0x0F)).AsUInt64();
        Vector128<ulong> high = (Vector128.ShiftRightLogical(packed.AsUInt16(), 4).AsByte() & Vector128.Create((byte)0x0F)).AsUInt64();
        Vector256<byte> nibbles = Vector256.Create(Sse2.UnpackLow(low, high), Sse2.UnpackHigh(low, high)).AsByte();
        return TBytes.Lookup(Levels.Fp4, TBytes.Of(nibbles, part));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        // Exponent (bias 7) and fraction of E4M3 moved to a float's place are too small by 2¹²⁰; half of the scale is wanted. 0x7F stands
        // for 0.
        Vector128<int> bytes = Sse41.ConvertToVector128Int32(Vector128.CreateScalarUnsafe(*(uint*)block).AsByte());
        Vector128<int> moved = Vector128.ShiftLeft(bytes & Vector128.Create(0x7F), 20);
        moved = Vector128.AndNot(moved, Vector128.Equals(bytes, Vector128.Create(0x7F)));
        Vector128<float> scale = moved.AsSingle() * Vector128.Create(6.646139978924579e35f);
        scale.Store(scales);
        (scale * -12f).Store(minima);
    }
}

/// <summary>Q2_0: −1 … 2 held plus 1.</summary>
internal unsafe struct BlockQ2_0 : IWeightBlock<Q2_0>
{
    static int IWeightBlock.Largest => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part)
    {
        // Each of eight bytes in four lanes; lane k keeps the pair k % 4, moved to the bottom. 16-bit shifts: what crosses a byte is masked
        // off.
        Vector256<byte> v = Avx2.Shuffle(
            Vector256.Create(*(ulong*)(block + 2 + (8 * group))).AsByte(),
            Vector256.Create((byte)0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7));
        v = (v & Vector256.Create(0x0000_0003u).AsByte())
            | (Vector256.ShiftRightLogical(v.AsUInt16(), 2).AsByte() & Vector256.Create(0x0000_0300u).AsByte())
            | (Vector256.ShiftRightLogical(v.AsUInt16(), 4).AsByte() & Vector256.Create(0x0003_0000u).AsByte())
            | (Vector256.ShiftRightLogical(v.AsUInt16(), 6).AsByte() & Vector256.Create(0x0300_0000u).AsByte());
        return TBytes.Of(v, part);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)block);
        (scales[0], scales[1]) = (d, d);
        (minima[0], minima[1]) = (-d, -d);
    }
}

/// <summary>Q1_0: −d or d are 0 and 1 with twice the scale.</summary>
internal unsafe struct BlockQ1_0 : IWeightBlock<Q1_0>
{
    static int IWeightBlock.Largest => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => TBytes.Bits(block + 2 + (4 * group), part) & 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)block);
        Vector128.Create(2 * d).Store(scales);
        Vector128.Create(-d).Store(minima);
    }
}
