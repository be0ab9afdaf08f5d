using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace QuantBench.Formats.Blocks;

/// <summary>Reads and writes the numbers inside a block; little-endian, any alignment.</summary>
internal static class BlockBytes
{
    /// <summary>The half at an offset, as a float.</summary>
    public static float Half(ReadOnlySpan<byte> block, int offset) =>
        HalfBits.ToSingle(BinaryPrimitives.ReadUInt16LittleEndian(block[offset..]));

    /// <summary>As <see cref="Half(ReadOnlySpan{byte}, int)"/>, for vector paths whose length was checked by the codec.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Half(ref byte block, int offset) => HalfBits.ToSingle(Read<ushort>(ref block, offset));

    /// <summary>A number at an offset, for vector paths whose length was checked by the codec.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read<T>(ref byte block, int offset)
        where T : unmanaged => Unsafe.ReadUnaligned<T>(ref Unsafe.Add(ref block, offset));

    /// <summary>Low (0) or high (1) half of a byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Nibble(byte value, int half) => (value >> (4 * half)) & 15;

    /// <summary>Writes a float as the nearest half.</summary>
    public static void WriteHalf(Span<byte> block, int offset, float value) =>
        BinaryPrimitives.WriteUInt16LittleEndian(block[offset..], HalfBits.FromSingle(value));
}
