using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Steps that the 32-element types share at 128 bits.</summary>
internal static unsafe class NarrowNibbles
{
    /// <summary>Low halves of 16 bytes, or their high halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Unpack(byte* bytes, int piece) => piece == 0
        ? Vector128.Load(bytes) & Vector128.Create((byte)0x0F)
        : Vector128.ShiftRightLogical(Vector128.Load(bytes), 4);

    /// <summary>16 in each byte whose bit of a 32-bit mask is set, 0 in the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> FifthBits(byte* mask, int piece)
    {
        Vector128<byte> spread = Vector128.Shuffle(
            Vector128.CreateScalarUnsafe((uint)*(ushort*)(mask + (2 * piece))).AsByte(),
            Vector128.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
        Vector128<byte> bits = Vector128.Create(0x8040201008040201UL).AsByte();
        return Vector128.Equals(spread & bits, bits) & Vector128.Create((byte)16);
    }

    /// <summary>The 16 levels of the non-linear 4-bit types.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> NonLinear(Vector128<byte> nibbles) => Vector128.ShuffleNative(
        Vector128.Create((sbyte)-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113), nibbles.AsSByte());
}

/// <summary>Q4_0.</summary>
internal unsafe struct NarrowQ4_0 : INarrowBlock32
{
    public static int Elements => 32;

    public static int Bytes => 18;

    public static int SubElements => 32;

    public static bool HasMinima => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) => NarrowNibbles.Unpack(block + 2, piece).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)block);
        *scales = d;
        *minima = -8 * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales4(byte* blocks, out Vector128<float> scales, out Vector128<float> minima)
    {
        scales = NarrowSteps.Halves4(blocks, Bytes);
        minima = scales * -8f;
    }
}

/// <summary>Q4_1.</summary>
internal unsafe struct NarrowQ4_1 : INarrowBlock32
{
    public static int Elements => 32;

    public static int Bytes => 20;

    public static int SubElements => 32;

    public static bool HasMinima => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) => NarrowNibbles.Unpack(block + 4, piece).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        *scales = Halves.ToFloat(*(ushort*)block);
        *minima = Halves.ToFloat(*(ushort*)(block + 2));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales4(byte* blocks, out Vector128<float> scales, out Vector128<float> minima)
    {
        scales = NarrowSteps.Halves4(blocks, Bytes);
        minima = NarrowSteps.Halves4(blocks + 2, Bytes);
    }
}

/// <summary>Q5_0.</summary>
internal unsafe struct NarrowQ5_0 : INarrowBlock32
{
    public static int Elements => 32;

    public static int Bytes => 22;

    public static int SubElements => 32;

    public static bool HasMinima => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) =>
        (NarrowNibbles.Unpack(block + 6, piece) | NarrowNibbles.FifthBits(block + 2, piece)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        float d = Halves.ToFloat(*(ushort*)block);
        *scales = d;
        *minima = -16 * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales4(byte* blocks, out Vector128<float> scales, out Vector128<float> minima)
    {
        scales = NarrowSteps.Halves4(blocks, Bytes);
        minima = scales * -16f;
    }
}

/// <summary>Q5_1.</summary>
internal unsafe struct NarrowQ5_1 : INarrowBlock32
{
    public static int Elements => 32;

    public static int Bytes => 24;

    public static int SubElements => 32;

    public static bool HasMinima => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) =>
        (NarrowNibbles.Unpack(block + 8, piece) | NarrowNibbles.FifthBits(block + 4, piece)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima)
    {
        *scales = Halves.ToFloat(*(ushort*)block);
        *minima = Halves.ToFloat(*(ushort*)(block + 2));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales4(byte* blocks, out Vector128<float> scales, out Vector128<float> minima)
    {
        scales = NarrowSteps.Halves4(blocks, Bytes);
        minima = NarrowSteps.Halves4(blocks + 2, Bytes);
    }
}

/// <summary>Q8_0.</summary>
internal unsafe struct NarrowQ8_0 : INarrowBlock32
{
    public static int Elements => 32;

    public static int Bytes => 34;

    public static int SubElements => 32;

    public static bool HasMinima => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) => Vector128.Load((sbyte*)(block + 2 + (16 * piece)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => *scales = Halves.ToFloat(*(ushort*)block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales4(byte* blocks, out Vector128<float> scales, out Vector128<float> minima)
    {
        scales = NarrowSteps.Halves4(blocks, Bytes);
        minima = default;
    }
}

/// <summary>IQ4_NL.</summary>
internal unsafe struct NarrowIQ4_NL : INarrowBlock32
{
    public static int Elements => 32;

    public static int Bytes => 18;

    public static int SubElements => 32;

    public static bool HasMinima => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) => NarrowNibbles.NonLinear(NarrowNibbles.Unpack(block + 2, piece));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => *scales = Halves.ToFloat(*(ushort*)block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales4(byte* blocks, out Vector128<float> scales, out Vector128<float> minima)
    {
        scales = NarrowSteps.Halves4(blocks, Bytes);
        minima = default;
    }
}

/// <summary>MXFP4: levels −12 … 12 with half the scale.</summary>
internal unsafe struct NarrowMXFP4 : INarrowBlock32
{
    public static int Elements => 32;

    public static int Bytes => 17;

    public static int SubElements => 32;

    public static bool HasMinima => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quants(byte* block, int piece) => Vector128.ShuffleNative(
        Vector128.Create((sbyte)0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12), NarrowNibbles.Unpack(block + 1, piece).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* block, float* scales, float* minima) => *scales = Scale(*block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales4(byte* blocks, out Vector128<float> scales, out Vector128<float> minima)
    {
        scales = Vector128.Create(Scale(blocks[0]), Scale(blocks[Bytes]), Scale(blocks[2 * Bytes]), Scale(blocks[3 * Bytes]));
        minima = default;
    }

    /// <summary>2^(e − 128); for e &lt; 2 that lies below the normal range.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Scale(int e) => BitConverter.Int32BitsToSingle(e < 2 ? 0x00200000 << e : (e - 1) << 23);
}
