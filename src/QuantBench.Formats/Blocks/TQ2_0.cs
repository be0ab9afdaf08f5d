using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>Ternary, four to a byte: 64 bytes at 0 in the order of <see cref="Q2_K"/>, half <c>d</c> at 64. <c>x = d · (q −
/// 1)</c>.</summary>
public readonly struct TQ2_0 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 66;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 64, 0.9f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 64);
        for (int i = 0; i < 256; i++)
        {
            int q = (block[32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32))) & 3;
            output[i] = (q - 1) * d;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 64);
        for (int half = 0; half < 4; half++)
        {
            Vector128<ushort> packed = Vector128.LoadUnsafe(ref block, (nuint)(16 * half)).AsUInt16();
            ref float values = ref Unsafe.Add(ref output, 128 * (half / 2) + 16 * (half % 2));
            for (int j = 0; j < 4; j++)
            {
                Vector128<byte> q = packed.AsByte() & Vector128.Create((byte)3);
                Lanes.Store(q.AsSByte() - Vector128<sbyte>.One, d, ref Unsafe.Add(ref values, 32 * j));
                packed >>>= 2; // 16-bit lanes: what crosses a byte is masked off
            }
        }
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float d = MathF.Abs(Extremes.Signed(values));
        float inverse = d != 0 ? 1 / d : 0;
        Span<byte> quants = stackalloc byte[256];
        for (int i = 0; i < 256; i++) quants[i] = (byte)((int)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero) + 1);
        Q2_K.PackPairs(quants, block[..64]);
        BlockBytes.WriteHalf(block, 64, d);
    }
}
