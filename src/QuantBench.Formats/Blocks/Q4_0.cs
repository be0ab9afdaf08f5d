using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, 16 bytes of nibbles at 2: element i &lt; 16 is the low nibble of byte i, element 16 + i the high one. <c>x = d · (q
/// − 8)</c>.
/// </summary>
public readonly struct Q4_0 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 32;

    static int IBlockFacts.Bytes => 18;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 4.6f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 32; i++) output[i] = (BlockBytes.Nibble(block[2 + i % 16], i / 16) - 8) * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        Vector128<byte> packed = Vector128.LoadUnsafe(ref block, 2);
        Lanes.Store(Lanes.LowNibbles(packed).AsSByte() - Vector128.Create((sbyte)8), d, ref output);
        Lanes.Store(Lanes.HighNibbles(packed).AsSByte() - Vector128.Create((sbyte)8), d, ref Unsafe.Add(ref output, 16));
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float d = Extremes.Signed(values) / -8;
        float inverse = d != 0 ? 1 / d : 0;
        BlockBytes.WriteHalf(block, 0, d);
        for (int i = 0; i < 16; i++)
        {
            int low = Math.Clamp((int)(values[i] * inverse + 8.5f), 0, 15);
            int high = Math.Clamp((int)(values[16 + i] * inverse + 8.5f), 0, 15);
            block[2 + i] = (byte)(low | high << 4);
        }
    }
}
