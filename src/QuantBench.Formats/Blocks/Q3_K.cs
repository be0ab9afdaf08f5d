using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// 32 bytes of third bits at 0 (bit i / 32 of byte i % 32), 64 bytes of low bits at 32 in the order of <see cref="Q2_K"/>, 16 six-bit
/// scales in 12 bytes at 96, half <c>d</c> at 108. <c>x = d · (scale − 32) · (q − 4)</c>.
/// </summary>
public readonly struct Q3_K : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 110;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 108, 1 / 43f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 108);
        for (int i = 0; i < 256; i++)
        {
            int low = (block[32 + 32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32))) & 3;
            int high = (block[i % 32] >> (i / 32)) & 1;
            output[i] = d * (Scale(block.Slice(96, 12), i / 16) - 32) * (low + 4 * high - 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 108);
        Vector128<byte> scales = Scales(ref Unsafe.Add(ref block, 96));
        Vector128<byte> four = Vector128.Create((byte)4);
        for (int half = 0; half < 2; half++)
        {
            Vector128<byte> thirds = Vector128.LoadUnsafe(ref block, (nuint)(16 * half));
            for (int n = 0; n < 2; n++)
            {
                Vector128<ushort> lows = Vector128.LoadUnsafe(ref block, (nuint)(32 + 32 * n + 16 * half)).AsUInt16();
                for (int j = 0; j < 4; j++)
                {
                    // Third bit j + 4n of each byte moves to bit 2; 16-bit lanes, what crosses a byte is masked off.
                    int bit = j + 4 * n;
                    Vector128<ushort> moved = bit < 2 ? thirds.AsUInt16() << (2 - bit) : thirds.AsUInt16() >>> (bit - 2);
                    Vector128<byte> q = (lows.AsByte() & Vector128.Create((byte)3)) | (moved.AsByte() & four);
                    int sub = 8 * n + 2 * j + half;
                    Lanes.Store((q - four).AsSByte(), d * (scales[sub] - 32), ref Unsafe.Add(ref output, 16 * sub));
                    lows >>>= 2;
                }
            }
        }
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<sbyte> scales = stackalloc sbyte[16];
        Span<byte> codes = stackalloc byte[256];
        float d = SymmetricSuperblock.Fit<ThreeBitLevels>(values, lowestScale: -32, scales, codes);
        block.Clear();
        for (int i = 0; i < 256; i++) block[i % 32] |= (byte)(codes[i] >> 2 << (i / 32));
        Q2_K.PackPairs(codes, block.Slice(32, 64));
        for (int j = 0; j < 16; j++)
        {
            int scale = scales[j] + 32;
            block[96 + j % 8] |= (byte)((scale & 15) << (4 * (j / 8)));
            block[104 + j % 4] |= (byte)(scale >> 4 << (2 * (j / 4)));
        }

        BlockBytes.WriteHalf(block, 108, d);
    }

    /// <summary>Six-bit scale j: low 4 bits in a nibble of bytes 0–7, high 2 bits in bytes 8–11.</summary>
    internal static int Scale(ReadOnlySpan<byte> packed, int j) =>
        BlockBytes.Nibble(packed[j % 8], j / 8) | ((packed[8 + j % 4] >> (2 * (j / 4))) & 3) << 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Scales(ref byte packed)
    {
        ulong low = BlockBytes.Read<ulong>(ref packed, 0);
        uint high = BlockBytes.Read<uint>(ref packed, 8);
        const ulong Nibbles = 0x0F0F_0F0F_0F0F_0F0F;
        const uint Pairs = 0x3030_3030;
        ulong first = (low & Nibbles) | ((high << 4) & Pairs) | (ulong)((high << 2) & Pairs) << 32;
        ulong second = ((low >> 4) & Nibbles) | (high & Pairs) | (ulong)((high >> 2) & Pairs) << 32;
        return Vector128.Create(first, second).AsByte();
    }
}
