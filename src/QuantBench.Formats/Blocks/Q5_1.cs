using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>Halves <c>d</c> at 0 and <c>m</c> at 2, fifth bits at 4, nibbles at 8, ordered as in <see cref="Q5_0"/>. <c>x = d · q +
/// m</c>.</summary>
public readonly struct Q5_1 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 32;

    static int IBlockFacts.Bytes => 24;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation)
    {
        BlockBytes.WriteHalf(block, 0, 1 / 9.2f * deviation);
        BlockBytes.WriteHalf(block, 2, -15.5f / 9.2f * deviation);
    }

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        float m = BlockBytes.Half(block, 2);
        uint high = BinaryPrimitives.ReadUInt32LittleEndian(block[4..]);
        for (int i = 0; i < 32; i++)
        {
            int q = BlockBytes.Nibble(block[8 + i % 16], i / 16) | (int)((high >> i) & 1) << 4;
            output[i] = q * d + m;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        float m = BlockBytes.Half(ref block, 2);
        Vector128<byte> packed = Vector128.LoadUnsafe(ref block, 8);
        Vector128<byte> fifth = Vector128.Create((byte)16);
        Lanes.Store(Lanes.LowNibbles(packed) | (Lanes.BitMask(BlockBytes.Read<ushort>(ref block, 4)) & fifth), d, m, ref output);
        Lanes.Store(Lanes.HighNibbles(packed) | (Lanes.BitMask(BlockBytes.Read<ushort>(ref block, 6)) & fifth), d, m,
            ref Unsafe.Add(ref output, 16));
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        (float min, float max) = Extremes.Range(values);
        float d = (max - min) / 31;
        float inverse = d != 0 ? 1 / d : 0;
        BlockBytes.WriteHalf(block, 0, d);
        BlockBytes.WriteHalf(block, 2, min);
        uint fifths = 0;
        for (int i = 0; i < 16; i++)
        {
            int low = Math.Clamp((int)((values[i] - min) * inverse + 0.5f), 0, 31);
            int high = Math.Clamp((int)((values[16 + i] - min) * inverse + 0.5f), 0, 31);
            block[8 + i] = (byte)((low & 15) | (high & 15) << 4);
            fifths |= (uint)(low >> 4) << i | (uint)(high >> 4) << (16 + i);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block[4..], fifths);
    }
}
