using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// The last step of every vector decoder: 16 small integers become 16 floats. Multiplication and addition stay two roundings, never a fused
/// one, because the scalar definition has two.
/// </summary>
internal static class Lanes
{
    /// <summary>Stores <c>q · scale</c>.</summary>
    /// <param name="q">16 signed quants; lane k goes to <c>output[k]</c>.</param>
    /// <param name="scale">Common factor.</param>
    /// <param name="output">First of 16 floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<sbyte> q, float scale, ref float output)
    {
        if (Avx512F.IsSupported)
        {
            // One widening 8 -> 32 bits; run on a Zen 4 class EPYC.
            (Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(q)) * Vector512.Create(scale)).StoreUnsafe(ref output);
            return;
        }

        if (Avx2.IsSupported)
        {
            // Lanes 0-7, then 8-15 moved down.
            Vector256<float> factor = Vector256.Create(scale);
            (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(q)) * factor).StoreUnsafe(ref output);
            (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(Upper(q))) * factor).StoreUnsafe(ref output, 8);
            return;
        }

        (Vector128<short> low, Vector128<short> high) = Vector128.Widen(q);
        Store(low, scale, ref output);
        Store(high, scale, ref Unsafe.Add(ref output, 8));
    }

    /// <summary>Stores <c>q · scale + offset</c>, rounded twice.</summary>
    /// <param name="q">16 unsigned quants; lane k goes to <c>output[k]</c>.</param>
    /// <param name="scale">Common factor.</param>
    /// <param name="offset">Added after the product was rounded.</param>
    /// <param name="output">First of 16 floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<byte> q, float scale, float offset, ref float output)
    {
        if (Avx512F.IsSupported)
        {
            Vector512<float> product = Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(q)) * Vector512.Create(scale);
            (product + Vector512.Create(offset)).StoreUnsafe(ref output);
            return;
        }

        if (Avx2.IsSupported)
        {
            Vector256<float> factor = Vector256.Create(scale);
            Vector256<float> added = Vector256.Create(offset);
            (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(q)) * factor + added).StoreUnsafe(ref output);
            (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(Upper(q.AsSByte()).AsByte())) * factor + added)
                .StoreUnsafe(ref output, 8);
            return;
        }

        (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(q);
        Store(low, scale, offset, ref output);
        Store(high, scale, offset, ref Unsafe.Add(ref output, 8));
    }

    /// <summary>Stores <c>(q + offset) · scale</c>; the sum is exact.</summary>
    /// <param name="q">16 signed quants; lane k goes to <c>output[k]</c>.</param>
    /// <param name="offset0">Added to lanes 0–7.</param>
    /// <param name="offset1">Added to lanes 8–15.</param>
    /// <param name="scale">Common factor.</param>
    /// <param name="output">First of 16 floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreShifted(Vector128<sbyte> q, float offset0, float offset1, float scale, ref float output)
    {
        if (Avx2.IsSupported)
        {
            Vector256<float> factor = Vector256.Create(scale);
            ((Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(q)) + Vector256.Create(offset0)) * factor).StoreUnsafe(ref output);
            ((Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(Upper(q))) + Vector256.Create(offset1)) * factor)
                .StoreUnsafe(ref output, 8);
            return;
        }

        (Vector128<short> low, Vector128<short> high) = Vector128.Widen(q);
        StoreShifted(low, offset0, scale, ref output);
        StoreShifted(high, offset1, scale, ref Unsafe.Add(ref output, 8));
    }

    /// <summary>Low halves of 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LowNibbles(Vector128<byte> packed) => packed & Vector128.Create((byte)15);

    /// <summary>High halves of 16 bytes. The shift is of 16-bit lanes; what crosses a byte is masked off.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> HighNibbles(Vector128<byte> packed) => (packed.AsUInt16() >>> 4).AsByte() & Vector128.Create((byte)15);

    /// <summary>All ones in the lanes whose bit is set: lane k belongs to bit k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> BitMask(ushort bits)
    {
        // Byte 0 in lanes 0-7, byte 1 in lanes 8-15, then one bit in each.
        Vector128<byte> spread = Vector128.Shuffle(
            Vector128.CreateScalar(bits).AsByte(),
            Vector128.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
        Vector128<byte> bit = Vector128.Create(0x8040_2010_0804_0201ul).AsByte();
        return Vector128.Equals(spread & bit, bit);
    }

    /// <summary><paramref name="value"/> in the lanes whose bits have <paramref name="bit"/> set, else 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Where(Vector128<byte> bits, Vector128<byte> bit, Vector128<byte> value) =>
        Vector128.Equals(bits & bit, bit) & value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Upper(Vector128<sbyte> q) => Vector128.CreateScalarUnsafe(q.AsInt64().GetElement(1)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<short> q, float scale, ref float output)
    {
        (Vector128<int> low, Vector128<int> high) = Vector128.Widen(q);
        (Vector128.ConvertToSingle(low) * scale).StoreUnsafe(ref output);
        (Vector128.ConvertToSingle(high) * scale).StoreUnsafe(ref output, 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<ushort> q, float scale, float offset, ref float output)
    {
        Vector128<float> added = Vector128.Create(offset);
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(q);
        (Vector128.ConvertToSingle(low.AsInt32()) * scale + added).StoreUnsafe(ref output);
        (Vector128.ConvertToSingle(high.AsInt32()) * scale + added).StoreUnsafe(ref output, 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreShifted(Vector128<short> q, float offset, float scale, ref float output)
    {
        Vector128<float> added = Vector128.Create(offset);
        (Vector128<int> low, Vector128<int> high) = Vector128.Widen(q);
        ((Vector128.ConvertToSingle(low) + added) * scale).StoreUnsafe(ref output);
        ((Vector128.ConvertToSingle(high) + added) * scale).StoreUnsafe(ref output, 4);
    }
}
