using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>Half <c>d</c> at 0, 32 signed bytes at 2. <c>x = d · q</c>.</summary>
public readonly struct Q8_0 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 32;

    static int IBlockFacts.Bytes => 34;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 74f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 32; i++) output[i] = (sbyte)block[2 + i] * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        Lanes.Store(Vector128.LoadUnsafe(ref block, 2).AsSByte(), d, ref output);
        Lanes.Store(Vector128.LoadUnsafe(ref block, 18).AsSByte(), d, ref Unsafe.Add(ref output, 16));
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float d = MathF.Abs(Extremes.Signed(values)) / 127;
        float inverse = d != 0 ? 1 / d : 0;
        BlockBytes.WriteHalf(block, 0, d);
        for (int i = 0; i < 32; i++) block[2 + i] = (byte)(sbyte)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
    }
}
