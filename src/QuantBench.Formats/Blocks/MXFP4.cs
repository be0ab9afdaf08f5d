using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// OCP microscaling: exponent byte <c>e</c> at 0, nibbles at 1 in the order of <see cref="Q4_0"/>, each an index into
/// <see cref="Fp4.Doubled"/>.
/// <c>x = 2^(e − 128) · level</c>. e = 255, which the standard reserves for NaN, is read as 2^127 like everywhere else in the field.
/// </summary>
public readonly struct MXFP4 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 32;

    static int IBlockFacts.Bytes => 17;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) =>
        block[0] = (byte)Math.Clamp(128 + (int)MathF.Round(MathF.Log2(deviation / 6.4f)), 1, 254);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = Fp4.HalfOfE8M0(block[0]);
        for (int i = 0; i < 32; i++) output[i] = Fp4.Doubled[BlockBytes.Nibble(block[1 + i % 16], i / 16)] * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = Fp4.HalfOfE8M0(block);
        Vector128<byte> packed = Vector128.LoadUnsafe(ref block, 1);
        Vector128<sbyte> levels = Fp4.Vector;
        Lanes.Store(Vector128.Shuffle(levels, Lanes.LowNibbles(packed).AsSByte()), d, ref output);
        Lanes.Store(Vector128.Shuffle(levels, Lanes.HighNibbles(packed).AsSByte()), d, ref Unsafe.Add(ref output, 16));
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        // The largest magnitude lands between 4 and 8, so that 6, the largest level, is in reach.
        float largest = MathF.Abs(Extremes.Signed(values));
        byte e = largest > 0 ? (byte)Math.Clamp(MathF.Floor(MathF.Log2(largest)) - 2 + 127, 0, 254) : (byte)0;
        float d = Fp4.HalfOfE8M0(e);
        block[0] = e;
        for (int i = 0; i < 16; i++) block[1 + i] = (byte)(Fp4.Nearest(values[i], d) | Fp4.Nearest(values[16 + i], d) << 4);
    }
}
