using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>IEEE half precision as stored bits. Faster than conversions through <see cref="Half"/> and, unlike them, wide.</summary>
/// <remarks>
/// With the ten bits of mantissa and five of exponent moved up by 13, a normal half only needs its exponent raised by 127 − 15 = 112;
/// infinity and NaN need it once more; a subnormal half is its mantissa times 2^−24, which as a float is normal.
/// </remarks>
public static class HalfBits
{
    private const uint Rebias = 112u << 23;
    private const uint SmallestNormal = 0x0400u << 13;
    private const uint Infinity = 0x7C00u << 13;
    private const float SubnormalUnit = 5.9604644775390625e-8f; // 2^-24

    /// <summary>The value of a half; exact. A signalling NaN comes back as some NaN.</summary>
    /// <param name="bits">Its 16 bits.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(ushort bits)
    {
        uint magnitude = (bits & 0x7FFFu) << 13;
        uint value = magnitude + Rebias;
        if (magnitude >= Infinity) value += Rebias;
        if (magnitude < SmallestNormal) value = BitConverter.SingleToUInt32Bits((bits & 0x7FFF) * SubnormalUnit);
        return BitConverter.UInt32BitsToSingle(value | ((bits & 0x8000u) << 16));
    }

    /// <summary>Nearest half, ties to even; too large gives infinity, NaN gives the quiet NaN 0x7E00 with its sign.</summary>
    /// <param name="value">Any float.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort FromSingle(float value) =>
        float.IsNaN(value)
            ? (ushort)(0x7E00 | (BitConverter.SingleToUInt32Bits(value) >> 16 & 0x8000))
            : BitConverter.HalfToUInt16Bits((Half)value);

    /// <summary>Whether no number of a run is infinite or NaN.</summary>
    /// <param name="halves">[n] bits.</param>
    public static bool AreFinite(ReadOnlySpan<ushort> halves)
    {
        ref ushort source = ref MemoryMarshal.GetReference(halves);
        Vector256<ushort> exponent = Vector256.Create((ushort)0x7C00), found = default;
        int i = 0;
        for (; i <= halves.Length - 16; i += 16)
            found |= Vector256.Equals(Vector256.LoadUnsafe(ref source, (nuint)i) & exponent, exponent);
        if (found != default) return false;
        for (; i < halves.Length; i++)
        {
            if ((halves[i] & 0x7C00) == 0x7C00) return false;
        }

        return true;
    }

    /// <summary>Decodes a run of halves.</summary>
    /// <param name="halves">[n] bits.</param>
    /// <param name="output">Receives the values; length n.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void ToSingle(ReadOnlySpan<ushort> halves, Span<float> output)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, halves.Length);
        ref ushort source = ref MemoryMarshal.GetReference(halves);
        ref float target = ref MemoryMarshal.GetReference(output);
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            // 16 halves in one register are widened to two of 8; the tail is scalar.
            for (; i <= halves.Length - 16; i += 16)
            {
                (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.LoadUnsafe(ref source, (nuint)i));
                Expand(low).StoreUnsafe(ref target, (nuint)i);
                Expand(high).StoreUnsafe(ref target, (nuint)i + 8);
            }
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            for (; i <= halves.Length - 8; i += 8)
            {
                (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.LoadUnsafe(ref source, (nuint)i));
                Expand(low).StoreUnsafe(ref target, (nuint)i);
                Expand(high).StoreUnsafe(ref target, (nuint)i + 4);
            }
        }

        for (; i < halves.Length; i++) output[i] = ToSingle(halves[i]);
    }

    // Lanes hold one half each; signed comparisons are right because magnitudes stay below 2^28.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Expand(Vector256<uint> bits)
    {
        Vector256<uint> half = bits & Vector256.Create(0x7FFFu);
        Vector256<int> magnitude = (half << 13).AsInt32();
        Vector256<int> rebias = Vector256.Create((int)Rebias);
        Vector256<int> special = Vector256.GreaterThan(magnitude, Vector256.Create((int)Infinity - 1)) & rebias;
        Vector256<int> isSubnormal = Vector256.LessThan(magnitude, Vector256.Create((int)SmallestNormal));
        Vector256<int> subnormal = (Vector256.ConvertToSingle(half.AsInt32()) * Vector256.Create(SubnormalUnit)).AsInt32();
        Vector256<int> value = Vector256.ConditionalSelect(isSubnormal, subnormal, magnitude + rebias + special);
        return (value.AsUInt32() | (bits & Vector256.Create(0x8000u)) << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Expand(Vector128<uint> bits)
    {
        Vector128<uint> half = bits & Vector128.Create(0x7FFFu);
        Vector128<int> magnitude = (half << 13).AsInt32();
        Vector128<int> rebias = Vector128.Create((int)Rebias);
        Vector128<int> special = Vector128.GreaterThan(magnitude, Vector128.Create((int)Infinity - 1)) & rebias;
        Vector128<int> isSubnormal = Vector128.LessThan(magnitude, Vector128.Create((int)SmallestNormal));
        Vector128<int> subnormal = (Vector128.ConvertToSingle(half.AsInt32()) * Vector128.Create(SubnormalUnit)).AsInt32();
        Vector128<int> value = Vector128.ConditionalSelect(isSubnormal, subnormal, magnitude + rebias + special);
        return (value.AsUInt32() | (bits & Vector128.Create(0x8000u)) << 16).AsSingle();
    }
}
