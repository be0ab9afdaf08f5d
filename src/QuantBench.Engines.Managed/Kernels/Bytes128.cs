using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Half a group of bytes, without instructions of one processor family.</summary>
internal readonly unsafe struct Bytes128(Vector128<byte> value) : IBytes<Bytes128>
{
    private readonly Vector128<byte> _value = value;

    /// <summary>The bytes as signed ones.</summary>
    public Vector128<sbyte> Signed => _value.AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 operator |(Bytes128 a, Bytes128 b) => new(a._value | b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 operator +(Bytes128 a, Bytes128 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 operator -(Bytes128 a, Bytes128 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 operator &(Bytes128 a, byte mask) => new(a._value & Vector128.Create(mask));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 operator <<(Bytes128 a, int bits) => new(Vector128.ShiftLeft(a._value, bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 operator >>(Bytes128 a, int bits) => new(Vector128.ShiftRightLogical(a._value, bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 Merge(Bytes128 a, Bytes128 b, byte mask) => new(a._value | (b._value & Vector128.Create(mask)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 Load(byte* bytes) => new(Vector128.Load(bytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 Same(byte value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 High(Bytes128 bytes) => bytes >> 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 Nibbles(byte* bytes, int part) => part == 0 ? Load(bytes) & 0x0F : Load(bytes) >> 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 Bits(byte* mask, int part)
    {
        Vector128<byte> spread = Vector128.Shuffle(
            Vector128.CreateScalarUnsafe((uint)*(ushort*)(mask + (part / 8))).AsByte(),
            Vector128.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
        Vector128<byte> bits = Vector128.Create(0x8040201008040201UL).AsByte();
        return new(Vector128.Equals(spread & bits, bits));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 Lookup(Vector256<byte> table, Bytes128 indices) =>
        new(Vector128.ShuffleNative(table.GetLower(), indices._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 AtLeast(Bytes128 bytes, byte limit) =>
        new(Vector128.GreaterThanOrEqual(bytes._value, Vector128.Create(limit)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 Of(Vector128<byte> first, Vector128<byte> second, int part) => new(part == 0 ? first : second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bytes128 Of(Vector256<byte> group, int part) => new(part == 0 ? group.GetLower() : group.GetUpper());
}
