using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Ternary, five to a byte: 48 bytes at 0, 4 bytes (four trits each) at 48, half <c>d</c> at 52. A byte is the base-3 number of its trits
/// (first the most significant) scaled to 256, so that trit n is the integer part of <c>3 · (b · 3ⁿ mod 256) / 256</c>. Elements 0–159 come
/// from bytes 0–31, 160–239 from bytes 32–47, 240–255 from bytes 48–51, each time all first trits, then all second ones. <c>x = d · (trit −
/// 1)</c>.
/// </summary>
public readonly struct TQ1_0 : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 54;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 52, 1.2f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 52);
        ReadOnlySpan<byte> powers = [1, 3, 9, 27, 81];
        for (int i = 0; i < 256; i++)
        {
            (byte packed, int n) = i switch
            {
                < 160 => (block[i % 32], i / 32),
                < 240 => (block[32 + i % 16], (i - 160) / 16),
                _ => (block[48 + i % 4], (i - 240) / 4),
            };
            int trit = (byte)(packed * powers[n]) * 3 >> 8;
            output[i] = (trit - 1) * d;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 52);
        Vector128<byte> first = Vector128.LoadUnsafe(ref block, 0);
        Vector128<byte> second = Vector128.LoadUnsafe(ref block, 16);
        Vector128<byte> third = Vector128.LoadUnsafe(ref block, 32);
        for (int n = 0; n < 5; n++)
        {
            Lanes.Store(Trits(first), d, ref Unsafe.Add(ref output, 32 * n));
            Lanes.Store(Trits(second), d, ref Unsafe.Add(ref output, 32 * n + 16));
            Lanes.Store(Trits(third), d, ref Unsafe.Add(ref output, 160 + 16 * n));
            first += first + first; // ×3 modulo 256
            second += second + second;
            third += third + third;
        }

        Vector128<byte> last = Vector128.Create(BlockBytes.Read<uint>(ref block, 48)).AsByte();
        Vector128<byte> last3 = last + last + last;
        Vector128<byte> last9 = last3 + last3 + last3;
        Vector128<byte> last27 = last9 + last9 + last9;
        Vector128<uint> all = Vector128.Create(last.AsUInt32()[0], last3.AsUInt32()[0], last9.AsUInt32()[0], last27.AsUInt32()[0]);
        Lanes.Store(Trits(all.AsByte()), d, ref Unsafe.Add(ref output, 240));
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float d = MathF.Abs(Extremes.Signed(values));
        float inverse = d != 0 ? 1 / d : 0;
        Span<int> trits = stackalloc int[256];
        for (int i = 0; i < 256; i++) trits[i] = (int)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero) + 1;
        for (int i = 0; i < 32; i++) block[i] = Pack(trits[i..], stride: 32, count: 5);
        for (int i = 0; i < 16; i++) block[32 + i] = Pack(trits[(160 + i)..], stride: 16, count: 5);
        for (int i = 0; i < 4; i++) block[48 + i] = Pack(trits[(240 + i)..], stride: 4, count: 4);
        BlockBytes.WriteHalf(block, 52, d);
    }

    /// <summary>Base-3 number of five trits (missing ones 0), scaled from 243 to 256 and rounded up so that each trit comes out
    /// whole.</summary>
    private static byte Pack(ReadOnlySpan<int> trits, int stride, int count)
    {
        int number = 0;
        for (int n = 0; n < 5; n++) number = 3 * number + (n < count ? trits[n * stride] : 0);
        return (byte)((number * 256 + 242) / 243);
    }

    /// <summary>−1, 0 or 1: 3·v reaches 256 at v = 86 and 512 at v = 171. A comparison that holds is −1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Trits(Vector128<byte> v)
    {
        Vector128<byte> one = Vector128.GreaterThanOrEqual(v, Vector128.Create((byte)86));
        Vector128<byte> two = Vector128.GreaterThanOrEqual(v, Vector128.Create((byte)171));
        return (Vector128<byte>.AllBitsSet - one - two).AsSByte();
    }
}
