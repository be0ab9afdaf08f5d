using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>A group of bytes, with AVX2. Shifts are those of 16-bit lanes.</summary>
internal readonly unsafe struct Bytes256(Vector256<byte> value) : IBytes<Bytes256>
{
    /// <summary>The bytes.</summary>
    public readonly Vector256<byte> Value = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 operator |(Bytes256 a, Bytes256 b) => new(a.Value | b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 operator +(Bytes256 a, Bytes256 b) => new(a.Value + b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 operator -(Bytes256 a, Bytes256 b) => new(a.Value - b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 operator &(Bytes256 a, byte mask) => new(a.Value & Vector256.Create(mask));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 operator <<(Bytes256 a, int bits) => new(Vector256.ShiftLeft(a.Value.AsUInt16(), bits).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 operator >>(Bytes256 a, int bits) => new(Vector256.ShiftRightLogical(a.Value.AsUInt16(), bits).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 Merge(Bytes256 a, Bytes256 b, byte mask) => new(a.Value | (b.Value & Vector256.Create(mask)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 Load(byte* bytes) => new(Vector256.Load(bytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 Same(byte value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 High(Bytes256 bytes) =>
        new(Vector256.ShiftRightLogical(bytes.Value.AsUInt16(), 4).AsByte() & Vector256.Create((byte)0x0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 Nibbles(byte* bytes, int part)
    {
        Vector128<byte> packed = Vector128.Load(bytes);
        return new(Vector256.Create(packed, Vector128.ShiftRightLogical(packed.AsUInt16(), 4).AsByte()) & Vector256.Create((byte)0x0F));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 Bits(byte* mask, int part)
    {
        Vector256<byte> spread = Avx2.Shuffle(
            Vector256.Create(*(uint*)mask).AsByte(),
            Vector256.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
        Vector256<byte> bits = Vector256.Create(0x8040201008040201UL).AsByte();
        return new(Vector256.Equals(spread & bits, bits));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 Lookup(Vector256<byte> table, Bytes256 indices) => new(Avx2.Shuffle(table, indices.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 AtLeast(Bytes256 bytes, byte limit) =>
        new(Vector256.Equals(Vector256.Max(bytes.Value, Vector256.Create(limit)), bytes.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 Of(Vector128<byte> first, Vector128<byte> second, int part) => new(Vector256.Create(first, second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes256 Of(Vector256<byte> group, int part) => new(group);
}
