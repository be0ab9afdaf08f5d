using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Low index bytes at 0 (one per 8 elements), nibbles at 32 (one per 8 elements: three high index bits and the sign of the shift), four
/// 16-bit words at 48: each has four 3-bit scales (one per 16 elements) and, on top, a nibble of the half <c>d</c>, lowest first.
/// <c>x = d · (2 · scale + 1) · (level ± ⅛)</c> with <see cref="Codebooks.IQ1S"/>.
/// </summary>
public readonly struct IQ1_M : IBlockLayout
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 56;

    // The top 4 bits of four 16-bit words.
    static void IBlockLayout.SetScales(Span<byte> block, float deviation)
    {
        ushort bits = HalfBits.FromSingle(deviation / 7);
        for (int i = 0; i < 4; i++) block[49 + 2 * i] = (byte)((block[49 + 2 * i] & 0x0F) | ((bits >> (4 * i)) & 15) << 4);
    }

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = HalfBits.ToSingle(ScaleBits(BinaryPrimitives.ReadUInt64LittleEndian(block[48..])));
        for (int i = 0; i < 256; i++)
        {
            int nibble = BlockBytes.Nibble(block[32 + i / 16], i / 8 % 2);
            int index = block[i / 8] | (nibble & 7) << 8;
            float shift = (nibble & 8) != 0 ? -0.125f : 0.125f;
            int word = BinaryPrimitives.ReadUInt16LittleEndian(block[(48 + 2 * (i / 64))..]);
            int scale = word >> (3 * (i / 16 % 4)) & 7;
            output[i] = d * (2 * scale + 1) * (Codebooks.Level(Codebooks.IQ1S[index], i % 8) + shift);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        ulong words = BlockBytes.Read<ulong>(ref block, 48);
        float d = HalfBits.ToSingle(ScaleBits(words));
        for (int g = 0; g < 16; g++)
        {
            int nibbles = BlockBytes.Read<byte>(ref block, 32 + g);
            int scale = (int)(words >> (16 * (g / 4) + 3 * (g % 4))) & 7;
            Vector128<sbyte> q = Vector128.Create(
                Codebooks.IQ1S[BlockBytes.Read<byte>(ref block, 2 * g) | (nibbles & 7) << 8],
                Codebooks.IQ1S[BlockBytes.Read<byte>(ref block, 2 * g + 1) | (nibbles & 0x70) << 4]).AsSByte();
            float shift0 = (nibbles & 8) != 0 ? -0.125f : 0.125f;
            float shift1 = (nibbles & 0x80) != 0 ? -0.125f : 0.125f;
            Lanes.StoreShifted(q, shift0, shift1, d * (2 * scale + 1), ref Unsafe.Add(ref output, 16 * g));
        }
    }

    /// <summary>The half in the top nibbles of four words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort ScaleBits(ulong words) =>
        (ushort)((words >> 12 & 0xF) | (words >> 24 & 0xF0) | (words >> 36 & 0xF00) | (words >> 48 & 0xF000));
}
