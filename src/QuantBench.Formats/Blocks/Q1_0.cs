using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>Half <c>d</c> at 0, 16 bytes of bits at 2: bit i % 8 of byte i / 8. <c>x = d</c> where it is set, else <c>−d</c>.</summary>
public readonly struct Q1_0 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 128;

    static int IBlockFacts.Bytes => 18;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 128; i++) output[i] = ((block[2 + i / 8] >> (i % 8)) & 1) != 0 ? d : -d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        for (int i = 0; i < 8; i++)
        {
            // Mask −1 or 0 becomes 1 or −1.
            Vector128<sbyte> set = Lanes.BitMask(BlockBytes.Read<ushort>(ref block, 2 + 2 * i)).AsSByte();
            Lanes.Store((set & Vector128.Create((sbyte)2)) - Vector128<sbyte>.One, d, ref Unsafe.Add(ref output, 16 * i));
        }
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float sum = 0;
        foreach (float value in values) sum += MathF.Abs(value);
        block.Clear();
        BlockBytes.WriteHalf(block, 0, sum / 128);
        for (int i = 0; i < 128; i++) block[2 + i / 8] |= (byte)((values[i] >= 0 ? 1 : 0) << (i % 8));
    }
}
