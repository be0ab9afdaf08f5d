using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>Half <c>d</c> at 0, half <c>s = d · Σq</c> at 2, 32 signed bytes at 4. <c>x = d · q</c>. An activation format.</summary>
public readonly struct Q8_1 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 32;

    static int IBlockFacts.Bytes => 36;

    static bool IBlockLayout.ForInputs => true;

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 32; i++) output[i] = (sbyte)block[4 + i] * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        Lanes.Store(Vector128.LoadUnsafe(ref block, 4).AsSByte(), d, ref output);
        Lanes.Store(Vector128.LoadUnsafe(ref block, 20).AsSByte(), d, ref Unsafe.Add(ref output, 16));
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float d = MathF.Abs(Extremes.Signed(values)) / 127;
        float inverse = d != 0 ? 1 / d : 0;
        BlockBytes.WriteHalf(block, 0, d);
        int sum = 0;
        for (int i = 0; i < 32; i++)
        {
            sbyte q = (sbyte)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
            sum += q;
            block[4 + i] = (byte)q;
        }

        BlockBytes.WriteHalf(block, 2, sum * d);
    }
}
