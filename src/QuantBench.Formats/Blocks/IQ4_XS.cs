using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// Half <c>d</c> at 0, high bit pairs of the scales (16 bits) at 2, their nibbles at 4, 128 bytes of nibbles at 8: each 16 bytes hold 32
/// elements in the order of <see cref="Q4_0"/>. <c>x = d · (scale − 32) · level</c>, one scale per 32.
/// </summary>
public readonly struct IQ4_XS : IBlockLayout, IBlockEncoder
{
    static int IBlockFacts.Elements => 256;

    static int IBlockFacts.Bytes => 136;

    static void IBlockLayout.SetScales(Span<byte> block, float deviation) => BlockBytes.WriteHalf(block, 0, 1 / 1280f * deviation);

    static void IBlockLayout.DecodeScalar(ReadOnlySpan<byte> block, Span<float> output)
    {
        float d = BlockBytes.Half(block, 0);
        for (int i = 0; i < 256; i++)
        {
            int g = i / 32;
            float scale = d * (Scale(block[4 + g / 2], BinaryPrimitives.ReadUInt16LittleEndian(block[2..]), g) - 32);
            output[i] = scale * NonLinear4.Levels[BlockBytes.Nibble(block[8 + 16 * g + i % 16], i % 32 / 16)];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IBlockLayout.DecodeVector(ref byte block, ref float output)
    {
        float d = BlockBytes.Half(ref block, 0);
        int high = BlockBytes.Read<ushort>(ref block, 2);
        Vector128<sbyte> levels = NonLinear4.Vector;
        for (int g = 0; g < 8; g++)
        {
            float scale = d * (Scale(BlockBytes.Read<byte>(ref block, 4 + g / 2), high, g) - 32);
            Vector128<byte> packed = Vector128.LoadUnsafe(ref block, (nuint)(8 + 16 * g));
            Lanes.Store(Vector128.Shuffle(levels, Lanes.LowNibbles(packed).AsSByte()), scale, ref Unsafe.Add(ref output, 32 * g));
            Lanes.Store(Vector128.Shuffle(levels, Lanes.HighNibbles(packed).AsSByte()), scale, ref Unsafe.Add(ref output, 32 * g + 16));
        }
    }

    static void IBlockEncoder.Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<sbyte> scales = stackalloc sbyte[8];
        Span<byte> codes = stackalloc byte[256];
        float d = SymmetricSuperblock.Fit<NonLinear4Levels>(values, lowestScale: -32, scales, codes);
        block[..8].Clear();
        BlockBytes.WriteHalf(block, 0, d);
        int high = 0;
        for (int g = 0; g < 8; g++)
        {
            int scale = scales[g] + 32;
            high |= scale >> 4 << (2 * g);
            block[4 + g / 2] |= (byte)((scale & 15) << (4 * (g % 2)));
            for (int i = 0; i < 16; i++) block[8 + 16 * g + i] = (byte)(codes[32 * g + i] | codes[32 * g + 16 + i] << 4);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(block[2..], (ushort)high);
    }

    /// <summary>Six-bit scale of group g.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Scale(byte nibbles, int high, int g) => BlockBytes.Nibble(nibbles, g % 2) | ((high >> (2 * g)) & 3) << 4;
}
