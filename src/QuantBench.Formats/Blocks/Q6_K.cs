using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// 128 bytes of low nibbles at 0, 64 bytes of high bit pairs at 128, 16 signed scales at 192, half <c>d</c> at 208. Each 128 elements take
/// 64 + 32 bytes: element r is the nibble r / 64 of byte r % 64, its upper bits the pair r / 32 of byte r % 32. <c>x = d · scale · (q −
/// 32)</c>, one scale per 16.
/// </summary>
public readonly struct Q6_K : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 210;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 208, 1 / 1370f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 208);
        for (int i = 0; i < 256; i++)
        {
            int n = i / 128;
            int r = i % 128;
            int q = BlockBytes.Nibble(block[64 * n + r % 64], r / 64) | ((block[128 + 32 * n + r % 32] >> (2 * (r / 32))) & 3) << 4;
            output[i] = d * (sbyte)block[192 + i / 16] * (q - 32);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 208);
        Vector128<byte> pair = Vector128.Create((byte)0x30);
        Vector128<sbyte> centre = Vector128.Create((sbyte)32);
        for (int n = 0; n < 2; n++)
        {
            for (int half = 0; half < 2; half++)
            {
                // One register of pairs serves elements 16·half, +32, +64, +96; 16-bit lanes, what crosses a byte is masked off.
                Vector128<byte> low = Vector128.LoadUnsafe(ref block, (nuint)(64 * n + 16 * half));
                Vector128<byte> lowNext = Vector128.LoadUnsafe(ref block, (nuint)(64 * n + 16 * half + 32));
                Vector128<ushort> high = Vector128.LoadUnsafe(ref block, (nuint)(128 + 32 * n + 16 * half)).AsUInt16();
                int sub = 8 * n + half;
                ref byte scales = ref Unsafe.Add(ref block, 192 + sub);
                ref float values = ref Unsafe.Add(ref output, 16 * sub);
                Vector128<byte> q0 = Lanes.LowNibbles(low) | ((high << 4).AsByte() & pair);
                Vector128<byte> q1 = Lanes.LowNibbles(lowNext) | ((high << 2).AsByte() & pair);
                Vector128<byte> q2 = Lanes.HighNibbles(low) | (high.AsByte() & pair);
                Vector128<byte> q3 = Lanes.HighNibbles(lowNext) | ((high >>> 2).AsByte() & pair);
                Lanes.Store(q0.AsSByte() - centre, d * BlockBytes.Read<sbyte>(ref scales, 0), ref values);
                Lanes.Store(q1.AsSByte() - centre, d * BlockBytes.Read<sbyte>(ref scales, 2), ref Unsafe.Add(ref values, 32));
                Lanes.Store(q2.AsSByte() - centre, d * BlockBytes.Read<sbyte>(ref scales, 4), ref Unsafe.Add(ref values, 64));
                Lanes.Store(q3.AsSByte() - centre, d * BlockBytes.Read<sbyte>(ref scales, 6), ref Unsafe.Add(ref values, 96));
            }
        }
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<sbyte> scales = stackalloc sbyte[16];
        Span<byte> codes = stackalloc byte[256];
        float d = SymmetricSuperblock.Fit<SixBitLevels>(values, lowestScale: -128, scales, codes);
        block.Clear();
        for (int i = 0; i < 256; i++)
        {
            int n = i / 128;
            int r = i % 128;
            block[64 * n + r % 64] |= (byte)((codes[i] & 15) << (4 * (r / 64)));
            block[128 + 32 * n + r % 32] |= (byte)(codes[i] >> 4 << (2 * (r / 32)));
        }

        for (int j = 0; j < 16; j++) block[192 + j] = (byte)scales[j];
        BlockBytes.WriteHalf(block, 208, d);
    }
}
