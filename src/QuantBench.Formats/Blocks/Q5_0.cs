using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, fifth bits at 2 (bit i of a 32-bit word belongs to element i), nibbles at 6 in the order of <see cref="Q4_0"/>.
/// <c>x = d · (q − 16)</c>.
/// </summary>
public readonly struct Q5_0 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 32;

    static int IBlockFacts.Bytes => 22;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 9.2f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        uint high = BinaryPrimitives.ReadUInt32LittleEndian(block[2..]);
        for (int i = 0; i < 32; i++)
        {
            int q = BlockBytes.Nibble(block[6 + i % 16], i / 16) | (int)((high >> i) & 1) << 4;
            output[i] = (q - 16) * d;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        Vector128<byte> packed = Vector128.LoadUnsafe(ref block, 6);
        Vector128<byte> fifth = Vector128.Create((byte)16);
        Vector128<byte> low = Lanes.LowNibbles(packed) | (Lanes.BitMask(BlockBytes.Read<ushort>(ref block, 2)) & fifth);
        Vector128<byte> high = Lanes.HighNibbles(packed) | (Lanes.BitMask(BlockBytes.Read<ushort>(ref block, 4)) & fifth);
        Lanes.Store(low.AsSByte() - Vector128.Create((sbyte)16), d, ref output);
        Lanes.Store(high.AsSByte() - Vector128.Create((sbyte)16), d, ref Unsafe.Add(ref output, 16));
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float d = Extremes.Signed(values) / -16;
        float inverse = d != 0 ? 1 / d : 0;
        BlockBytes.WriteHalf(block, 0, d);
        uint fifths = 0;
        for (int i = 0; i < 16; i++)
        {
            int low = Math.Clamp((int)(values[i] * inverse + 16.5f), 0, 31);
            int high = Math.Clamp((int)(values[16 + i] * inverse + 16.5f), 0, 31);
            block[6 + i] = (byte)((low & 15) | (high & 15) << 4);
            fifths |= (uint)(low >> 4) << i | (uint)(high >> 4) << (16 + i);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block[2..], fifths);
    }
}
