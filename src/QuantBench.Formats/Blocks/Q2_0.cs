using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, 16 bytes at 2, four consecutive elements each, lowest bits first. <c>x = d · (q − 1)</c>, so −d, 0, d or 2d.
/// </summary>
public readonly struct Q2_0 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 64;

    static int IBlockFacts.Bytes => 18;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 0.8f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 64; i++) output[i] = (((block[2 + i / 4] >> (2 * (i % 4))) & 3) - 1) * d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        Vector128<byte> spread = Vector128.Create((byte)0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
        for (int i = 0; i < 4; i++)
        {
            // Each of 4 bytes in 4 lanes; lane k keeps the pair k % 4, moved to the bottom. 16-bit shifts: what crosses a byte is masked
            // off.
            Vector128<byte> v = Vector128.Shuffle(Vector128.CreateScalar(BlockBytes.Read<uint>(ref block, 2 + 4 * i)).AsByte(), spread);
            Vector128<byte> q = (v & Vector128.Create(0x0000_0003u).AsByte())
                | ((v.AsUInt16() >>> 2).AsByte() & Vector128.Create(0x0000_0300u).AsByte())
                | ((v.AsUInt16() >>> 4).AsByte() & Vector128.Create(0x0003_0000u).AsByte())
                | ((v.AsUInt16() >>> 6).AsByte() & Vector128.Create(0x0300_0000u).AsByte());
            Lanes.Store(q.AsSByte() - Vector128<sbyte>.One, d, ref Unsafe.Add(ref output, 16 * i));
        }
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float d = MathF.Abs(Extremes.Signed(values));
        float inverse = d != 0 ? 1 / d : 0;
        block.Clear();
        BlockBytes.WriteHalf(block, 0, d);
        for (int i = 0; i < 64; i++)
        {
            int q = Math.Clamp((int)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero) + 1, 0, 3);
            block[2 + i / 4] |= (byte)(q << (2 * (i % 4)));
        }
    }
}
