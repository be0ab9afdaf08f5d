using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>IEEE half precision as stored bits.</summary>
/// <remarks>
/// The exponent is rebiased by a multiplication with 2^112, which is exact and also normalises subnormal halves. Faster than a conversion through
/// <see cref="Half"/> and, unlike it, wide.
/// </remarks>
public static class HalfBits
{
    private const uint ExponentMask = 0x7F80_0000;
    private const uint InfinityBits = 0x7C00 << 13;

    /// <summary>2^112: the difference of the exponent biases, 127 − 15.</summary>
    private const float Rebias = 5.192296858534828e33f;

    /// <summary>The value of a half; exact. A signalling NaN comes back as some NaN.</summary>
    /// <param name="bits">Its 16 bits.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(ushort bits)
    {
        uint magnitude = (bits & 0x7FFFu) << 13;
        uint value = BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle(magnitude) * Rebias);
        if (magnitude >= InfinityBits) value = magnitude | ExponentMask;
        return BitConverter.UInt32BitsToSingle(value | ((bits & 0x8000u) << 16));
    }

    /// <summary>Nearest half, ties to even; too large gives infinity, NaN gives the quiet NaN 0x7E00 with its sign.</summary>
    /// <param name="value">Any float.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort FromSingle(float value) =>
        float.IsNaN(value)
            ? (ushort)(0x7E00 | (BitConverter.SingleToUInt32Bits(value) >> 16 & 0x8000))
            : BitConverter.HalfToUInt16Bits((Half)value);

    /// <summary>Decodes a run of halves.</summary>
    /// <param name="halves">[n] little-endian bits.</param>
    /// <param name="output">Receives the values; length n.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void ToSingle(ReadOnlySpan<ushort> halves, Span<float> output)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, halves.Length);
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            // 16 halves in one register are widened to two of 8; the tail is scalar.
            for (; i <= halves.Length - 16; i += 16)
            {
                (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Create(halves.Slice(i, 16)));
                Expand(low).CopyTo(output[i..]);
                Expand(high).CopyTo(output[(i + 8)..]);
            }
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            for (; i <= halves.Length - 8; i += 8)
            {
                (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.Create(halves.Slice(i, 8)));
                Expand(low).CopyTo(output[i..]);
                Expand(high).CopyTo(output[(i + 4)..]);
            }
        }

        for (; i < halves.Length; i++) output[i] = ToSingle(halves[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Expand(Vector256<uint> bits)
    {
        Vector256<uint> magnitude = (bits & Vector256.Create(0x7FFFu)) << 13;
        Vector256<uint> sign = (bits & Vector256.Create(0x8000u)) << 16;
        Vector256<uint> special = Vector256.GreaterThanOrEqual(magnitude.AsInt32(), Vector256.Create((int)InfinityBits)).AsUInt32();
        Vector256<uint> value = (magnitude.AsSingle() * Vector256.Create(Rebias)).AsUInt32();
        return (Vector256.ConditionalSelect(special, magnitude | Vector256.Create(ExponentMask), value) | sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Expand(Vector128<uint> bits)
    {
        Vector128<uint> magnitude = (bits & Vector128.Create(0x7FFFu)) << 13;
        Vector128<uint> sign = (bits & Vector128.Create(0x8000u)) << 16;
        Vector128<uint> special = Vector128.GreaterThanOrEqual(magnitude.AsInt32(), Vector128.Create((int)InfinityBits)).AsUInt32();
        Vector128<uint> value = (magnitude.AsSingle() * Vector128.Create(Rebias)).AsUInt32();
        return (Vector128.ConditionalSelect(special, magnitude | Vector128.Create(ExponentMask), value) | sign).AsSingle();
    }
}
