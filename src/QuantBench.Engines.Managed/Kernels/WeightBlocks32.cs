using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Steps that the 32-element types share.</summary>
internal static unsafe class Nibbles
{
    /// <summary>Low halves of 16 bytes, then their high halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Unpack(byte* bytes)
    {
        Vector128<byte> packed = Vector128.Load(bytes);
        return Vector256.Create(packed, Vector128.ShiftRightLogical(packed.AsUInt16(), 4).AsByte()) & Vector256.Create((byte)0x0F);
    }

    /// <summary>16 in each byte whose bit of a 32-bit mask is set, 0 in the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> FifthBits(byte* mask)
    {
        Vector256<byte> spread = Avx2.Shuffle(
            Vector256.Create(*(uint*)mask).AsByte(),
            Vector256.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
        Vector256<byte> bits = Vector256.Create(0x8040201008040201UL).AsByte();
        return Vector256.Equals(spread & bits, bits) & Vector256.Create((byte)16);
    }

    /// <summary>Half-precision numbers that lie a fixed distance apart.</summary>
    /// <param name="first">The first.</param>
    /// <param name="apart">Bytes from one to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scales8(byte* first, int apart)
    {
        Vector128<short> halves = Vector128.CreateScalarUnsafe((int)*(ushort*)first).AsInt16();
        halves = Sse2.Insert(halves, *(short*)(first + apart), 1);
        halves = Sse2.Insert(halves, *(short*)(first + (2 * apart)), 2);
        halves = Sse2.Insert(halves, *(short*)(first + (3 * apart)), 3);
        halves = Sse2.Insert(halves, *(short*)(first + (4 * apart)), 4);
        halves = Sse2.Insert(halves, *(short*)(first + (5 * apart)), 5);
        halves = Sse2.Insert(halves, *(short*)(first + (6 * apart)), 6);
        halves = Sse2.Insert(halves, *(short*)(first + (7 * apart)), 7);
        return Halves.Widen(halves);
    }

    /// <summary>The 16 levels of the non-linear 4-bit types.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> NonLinear(Vector256<byte> nibbles) => Avx2.Shuffle(
        Vector256.Create(
            (sbyte)-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
            -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113).AsByte(),
        nibbles);
}

/// <summary>Q4_0.</summary>
internal unsafe struct BlockQ4_0 : IWeightBlock32
{
    public static int Elements => 32;

    public static int Bytes => 18;

    public static int SubElements => 32;

    public static bool Signed => false;

    public static int Largest => 15;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group) => Nibbles.Unpack(block + 2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)block);
        *scales = d;
        *minima = -8 * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales8(byte* blocks, out Vector256<float> scales, out Vector256<float> minima)
    {
        scales = Nibbles.Scales8(blocks, Bytes);
        minima = scales * -8f;
    }
}

/// <summary>Q4_1.</summary>
internal unsafe struct BlockQ4_1 : IWeightBlock32
{
    public static int Elements => 32;

    public static int Bytes => 20;

    public static int SubElements => 32;

    public static bool Signed => false;

    public static int Largest => 15;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group) => Nibbles.Unpack(block + 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        *scales = Halves.ToFloat(*(ushort*)block);
        *minima = Halves.ToFloat(*(ushort*)(block + 2));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales8(byte* blocks, out Vector256<float> scales, out Vector256<float> minima)
    {
        scales = Nibbles.Scales8(blocks, Bytes);
        minima = Nibbles.Scales8(blocks + 2, Bytes);
    }
}

/// <summary>Q5_0.</summary>
internal unsafe struct BlockQ5_0 : IWeightBlock32
{
    public static int Elements => 32;

    public static int Bytes => 22;

    public static int SubElements => 32;

    public static bool Signed => false;

    public static int Largest => 31;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group) => Nibbles.Unpack(block + 6) | Nibbles.FifthBits(block + 2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)block);
        *scales = d;
        *minima = -16 * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales8(byte* blocks, out Vector256<float> scales, out Vector256<float> minima)
    {
        scales = Nibbles.Scales8(blocks, Bytes);
        minima = scales * -16f;
    }
}

/// <summary>Q5_1.</summary>
internal unsafe struct BlockQ5_1 : IWeightBlock32
{
    public static int Elements => 32;

    public static int Bytes => 24;

    public static int SubElements => 32;

    public static bool Signed => false;

    public static int Largest => 31;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group) => Nibbles.Unpack(block + 8) | Nibbles.FifthBits(block + 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        *scales = Halves.ToFloat(*(ushort*)block);
        *minima = Halves.ToFloat(*(ushort*)(block + 2));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales8(byte* blocks, out Vector256<float> scales, out Vector256<float> minima)
    {
        scales = Nibbles.Scales8(blocks, Bytes);
        minima = Nibbles.Scales8(blocks + 2, Bytes);
    }
}

/// <summary>Q8_0.</summary>
internal unsafe struct BlockQ8_0 : IWeightBlock32
{
    public static int Elements => 32;

    public static int Bytes => 34;

    public static int SubElements => 32;

    public static bool Signed => true;

    public static int Largest => 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group) => Vector256.Load(block + 2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => *scales = Halves.ToFloat(*(ushort*)block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales8(byte* blocks, out Vector256<float> scales, out Vector256<float> minima)
    {
        scales = Nibbles.Scales8(blocks, Bytes);
        minima = default;
    }
}

/// <summary>IQ4_NL.</summary>
internal unsafe struct BlockIQ4_NL : IWeightBlock32
{
    public static int Elements => 32;

    public static int Bytes => 18;

    public static int SubElements => 32;

    public static bool Signed => true;

    public static int Largest => 127;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group) => Nibbles.NonLinear(Nibbles.Unpack(block + 2));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => *scales = Halves.ToFloat(*(ushort*)block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales8(byte* blocks, out Vector256<float> scales, out Vector256<float> minima)
    {
        scales = Nibbles.Scales8(blocks, Bytes);
        minima = default;
    }
}

/// <summary>MXFP4. Its levels, −12 … 12 with half the scale, are held plus 12, so that they are unsigned.</summary>
internal unsafe struct BlockMXFP4 : IWeightBlock32
{
    public static int Elements => 32;

    public static int Bytes => 17;

    public static int SubElements => 32;

    public static bool Signed => false;

    public static int Largest => 24;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quants(byte* block, int group) => Avx2.Shuffle(
        Vector256.Create(
            (byte)12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0,
            12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0),
        Nibbles.Unpack(block + 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        int e = *block;
        float d = BitConverter.Int32BitsToSingle(e < 2 ? 0x00200000 << e : (e - 1) << 23);
        *scales = d;
        *minima = -12 * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales8(byte* blocks, out Vector256<float> scales, out Vector256<float> minima)
    {
        Vector256<int> exponents = Vector256.Create(
            blocks[0], blocks[Bytes], blocks[2 * Bytes], blocks[3 * Bytes], blocks[4 * Bytes], blocks[5 * Bytes], blocks[6 * Bytes],
            blocks[7 * Bytes]);

        // 2^(e − 128); for e < 2 that lies below the normal range.
        Vector256<int> below = Avx2.ShiftLeftLogicalVariable(Vector256.Create(0x00200000), exponents.AsUInt32());
        Vector256<int> bits = Vector256.ConditionalSelect(
            Vector256.LessThan(exponents, Vector256.Create(2)), below, Vector256.ShiftLeft(exponents - Vector256.Create(1), 23));
        scales = bits.AsSingle();
        minima = scales * -12f;
    }
}
