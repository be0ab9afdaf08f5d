using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Steps that the codebook types share.</summary>
internal static unsafe class CodebookSteps
{
    /// <summary>−1 in each byte whose bit of a 32-bit mask is set, 0 in the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Mask(uint* signs)
    {
        Vector256<byte> spread = Avx2.Shuffle(
            Vector256.Create(*signs).AsByte(),
            Vector256.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
        Vector256<byte> bits = Vector256.Create(0x8040201008040201UL).AsByte();
        return Vector256.Equals(spread & bits, bits).AsSByte();
    }

    /// <summary>Negates the bytes whose mask is −1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Negate(Vector256<sbyte> bytes, Vector256<sbyte> mask) => (bytes ^ mask) - mask;

    /// <summary>Signed levels plus an offset that makes them unsigned.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Unsigned(Vector256<byte> levels, uint signs, int offset) =>
        (Negate(levels.AsSByte(), Mask(&signs)) + Vector256.Create((sbyte)offset)).AsByte();

    /// <summary>Four entries of eight bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Eights(byte* entries, uint i0, uint i1, uint i2, uint i3)
    {
        ulong* e = (ulong*)entries;
        return Vector256.Create(e[i0], e[i1], e[i2], e[i3]).AsByte();
    }

    /// <summary>Eight entries of four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Fours(byte* entries, uint i0, uint i1, uint i2, uint i3, uint i4, uint i5, uint i6, uint i7)
    {
        uint* e = (uint*)entries;
        return Vector256.Create(
            e[i0] | ((ulong)e[i1] << 32), e[i2] | ((ulong)e[i3] << 32), e[i4] | ((ulong)e[i5] << 32), e[i6] | ((ulong)e[i7] << 32))
            .AsByte();
    }

    /// <summary>Eight sign bits from each seven of four: the eighth makes their number even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint EvenSigns(uint word)
    {
        uint bits = Bmi2.ParallelBitDeposit(word, 0x7F7F7F7F);
        uint parity = bits ^ (bits >> 4);
        parity ^= parity >> 2;
        parity ^= parity >> 1;
        return bits | ((parity & 0x01010101) << 7);
    }

    /// <summary>The same for eight words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> EvenSigns(Vector256<uint> words)
    {
        Vector256<byte> bits = ((words & Vector256.Create(0x7Fu))
            | (Vector256.ShiftLeft(words, 1) & Vector256.Create(0x7F00u))
            | (Vector256.ShiftLeft(words, 2) & Vector256.Create(0x7F0000u))
            | (Vector256.ShiftLeft(words, 3) & Vector256.Create(0x7F000000u))).AsByte();

        return WithParity(bits).AsUInt32();
    }

    /// <summary>Sets the highest bit of bytes below 128 that have an odd number of bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> WithParity(Vector256<byte> bits)
    {
        // 128 for each nibble with an odd number of bits.
        Vector256<byte> odd = Vector256.Create(
            (byte)0, 128, 128, 0, 128, 0, 0, 128, 128, 0, 0, 128, 0, 128, 128, 0,
            0, 128, 128, 0, 128, 0, 0, 128, 128, 0, 0, 128, 0, 128, 128, 0);
        Vector256<byte> low = bits & Vector256.Create((byte)15);
        Vector256<byte> high = Vector256.ShiftRightLogical(bits.AsUInt16(), 4).AsByte() & Vector256.Create((byte)15);
        return bits | (Avx2.Shuffle(odd, low) ^ Avx2.Shuffle(odd, high));
    }

    /// <summary>(½ + n) · factor of eight numbers, and those times −offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Halved8(Vector256<int> numbers, float factor, float offset, float* scales, float* minima)
    {
        Vector256<float> scale = (Vector256.ConvertToSingle(numbers) + Vector256.Create(0.5f)) * Vector256.Create(factor);
        scale.Store(scales);
        (scale * -offset).Store(minima);
    }

    /// <summary>The nibbles of eight bytes in order, low ones first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Nibbles16(ulong bytes)
    {
        Vector128<byte> packed = Vector128.CreateScalarUnsafe(bytes).AsByte();
        Vector128<byte> mask = Vector128.Create((byte)15);
        return Sse2.UnpackLow(packed & mask, Vector128.ShiftRightLogical(packed.AsUInt16(), 4).AsByte() & mask);
    }

    /// <summary>(½ + n) · factor of the nibbles of eight bytes, and those times −offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Halved16(ulong bytes, float factor, float offset, float* scales, float* minima)
    {
        Vector128<byte> nibbles = Nibbles16(bytes);
        Halved8(Avx2.ConvertToVector256Int32(nibbles), factor, offset, scales, minima);
        Halved8(Avx2.ConvertToVector256Int32(Sse2.ShiftRightLogical128BitLane(nibbles, 8)), factor, offset, scales + 8, minima + 8);
    }
}
