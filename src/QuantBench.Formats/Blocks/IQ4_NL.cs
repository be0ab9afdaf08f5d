using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, nibbles at 2 in the order of <see cref="Q4_0"/>, each an index into <see cref="NonLinear4"/>. <c>x = d · level</c>.
/// </summary>
public readonly struct IQ4_NL : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 32;

    static int IBlockFacts.Bytes => 18;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 69f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 32; i++) output[i] = d * NonLinear4.Levels[BlockBytes.Nibble(block[2 + i % 16], i / 16)];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        Vector128<byte> packed = Vector128.LoadUnsafe(ref block, 2);
        Vector128<sbyte> levels = NonLinear4.Vector;
        Lanes.Store(Vector128.Shuffle(levels, Lanes.LowNibbles(packed).AsSByte()), d, ref output);
        Lanes.Store(Vector128.Shuffle(levels, Lanes.HighNibbles(packed).AsSByte()), d, ref Unsafe.Add(ref output, 16));
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float d = HalfBits.ToSingle(HalfBits.FromSingle(ScaleFit.Symmetric<NonLinear4Levels>(values)));
        float inverse = d != 0 ? 1 / d : 0;
        BlockBytes.WriteHalf(block, 0, d);
        for (int i = 0; i < 16; i++)
        {
            block[2 + i] = (byte)(NonLinear4Levels.Code(values[i] * inverse) | NonLinear4Levels.Code(values[16 + i] * inverse) << 4);
        }
    }
}
