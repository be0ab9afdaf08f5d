using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>Halves <c>d</c> at 0 and <c>m</c> at 2, nibbles at 4 in the order of <see cref="Q4_0"/>. <c>x = d · q + m</c>.</summary>
public readonly struct Q4_1 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 32;

    static int IBlockFacts.Bytes => 20;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation)
    {
        BlockBytes.WriteHalf(block, 0, 1 / 4.6f * deviation);
        BlockBytes.WriteHalf(block, 2, -7.5f / 4.6f * deviation);
    }

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        float m = BlockBytes.Half(block, 2);
        for (int i = 0; i < 32; i++) output[i] = BlockBytes.Nibble(block[4 + i % 16], i / 16) * d + m;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        float m = BlockBytes.Half(ref block, 2);
        Vector128<byte> packed = Vector128.LoadUnsafe(ref block, 4);
        Lanes.Store(Lanes.LowNibbles(packed), d, m, ref output);
        Lanes.Store(Lanes.HighNibbles(packed), d, m, ref Unsafe.Add(ref output, 16));
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        (float min, float max) = Extremes.Range(values);
        float d = (max - min) / 15;
        float inverse = d != 0 ? 1 / d : 0;
        BlockBytes.WriteHalf(block, 0, d);
        BlockBytes.WriteHalf(block, 2, min);
        for (int i = 0; i < 16; i++)
        {
            int low = Math.Clamp((int)((values[i] - min) * inverse + 0.5f), 0, 15);
            int high = Math.Clamp((int)((values[16 + i] - min) * inverse + 0.5f), 0, 15);
            block[4 + i] = (byte)(low | high << 4);
        }
    }
}
