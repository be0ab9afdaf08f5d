using System.Buffers.Binary;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;

namespace QuantBench.Formats.Onnx;

/// <summary>
/// Lays rows of GGUF blocks out for <c>com.microsoft.MatMulNBits</c> without quantizing anew. A weight is <c>(q − zero) · scale +
/// minimum</c>, where scale and minimum are floats that hold the product of the GGUF file's halves and integers exactly; the minimum is
/// there for types with an offset only, and is multiplied with the sum of its block's activations beside the packed product.
/// </summary>
/// <remarks>
/// Quants of 5 and 6 bits are stored in 8. Types that don't map: those with non-linear levels or codebooks (IQ…, MXFP4), and Q2_K and Q3_K,
/// which aren't implemented.
/// </remarks>
public static class GgufRelay
{
    /// <summary>How a type is laid out; null when it isn't.</summary>
    /// <param name="type">A tensor type.</param>
    /// <returns>The format, and whether there are minimums. With minimums, 4-bit zero points are stored and 0.</returns>
    public static (NBitsFormat Format, bool HasMinimums)? FormatOf(GgmlType type) => type switch
    {
        GgmlType.Q4_0 => (new NBitsFormat(4, 32, false), false),
        GgmlType.Q4_1 or GgmlType.Q4_K => (new NBitsFormat(4, 32, true), true),
        GgmlType.Q5_0 or GgmlType.Q8_0 => (new NBitsFormat(8, 32, false), false),
        GgmlType.Q5_1 or GgmlType.Q5_K => (new NBitsFormat(8, 32, false), true),
        GgmlType.Q6_K => (new NBitsFormat(8, 16, false), false),
        _ => null,
    };

    /// <summary>Lays one row out.</summary>
    /// <param name="type">A type with a <see cref="FormatOf"/>.</param>
    /// <param name="row">The row's blocks.</param>
    /// <param name="packed">Receives the weights; [<see cref="NBitsFormat.RowBytes"/>].</param>
    /// <param name="scales">Receives a scale per block of the format.</param>
    /// <param name="minimums">Receives a minimum per block; empty for types without.</param>
    /// <exception cref="ArgumentException">The type isn't laid out, or a length doesn't fit the row.</exception>
    public static void RelayRow(GgmlType type, ReadOnlySpan<byte> row, Span<byte> packed, Span<float> scales, Span<float> minimums)
    {
        (NBitsFormat format, bool hasMinimums) = FormatOf(type) ?? throw new ArgumentException($"{type} isn't laid out", nameof(type));
        GgmlTypeInfo info = GgmlTypes.Get(type);
        int blocks = row.Length / info.BlockBytes;
        int columns = blocks * info.BlockElements;
        ArgumentOutOfRangeException.ThrowIfNotEqual(row.Length, blocks * info.BlockBytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(packed.Length, format.RowBytes(columns));
        ArgumentOutOfRangeException.ThrowIfNotEqual(scales.Length, format.Blocks(columns));
        ArgumentOutOfRangeException.ThrowIfNotEqual(minimums.Length, hasMinimums ? scales.Length : 0);
        int groups = info.BlockElements / format.BlockSize;
        Span<byte> quants = stackalloc byte[256];
        for (int b = 0; b < blocks; b++)
        {
            ReadOnlySpan<byte> block = row.Slice(b * info.BlockBytes, info.BlockBytes);
            Read(type, block, quants[..info.BlockElements], scales.Slice(b * groups, groups),
                hasMinimums ? minimums.Slice(b * groups, groups) : default);
            Span<byte> blob = packed.Slice(b * groups * format.BlobBytes, groups * format.BlobBytes);
            if (format.Bits == 8)
            {
                quants[..blob.Length].CopyTo(blob);
                continue;
            }

            for (int i = 0; i < blob.Length; i++) blob[i] = (byte)(quants[2 * i] | quants[(2 * i) + 1] << 4);
        }
    }

    /// <summary>A block's quants in the order of its elements, its scales and its minimums.</summary>
    private static void Read(GgmlType type, ReadOnlySpan<byte> block, Span<byte> quants, Span<float> scales, Span<float> minimums)
    {
        switch (type)
        {
            case GgmlType.Q4_0:
                scales[0] = BlockBytes.Half(block, 0);
                for (int i = 0; i < 32; i++) quants[i] = (byte)BlockBytes.Nibble(block[2 + (i % 16)], i / 16);
                break;
            case GgmlType.Q4_1:
                scales[0] = BlockBytes.Half(block, 0);
                minimums[0] = BlockBytes.Half(block, 2);
                for (int i = 0; i < 32; i++) quants[i] = (byte)BlockBytes.Nibble(block[4 + (i % 16)], i / 16);
                break;
            case GgmlType.Q5_0:
                scales[0] = BlockBytes.Half(block, 0);
                FiveBits(block, 2, 6, quants, zeroAt: 128 - 16);
                break;
            case GgmlType.Q5_1:
                scales[0] = BlockBytes.Half(block, 0);
                minimums[0] = BlockBytes.Half(block, 2);
                FiveBits(block, 4, 8, quants, zeroAt: 128);
                break;
            case GgmlType.Q8_0:
                scales[0] = BlockBytes.Half(block, 0);
                for (int i = 0; i < 32; i++) quants[i] = (byte)(block[2 + i] ^ 0x80);
                break;
            case GgmlType.Q4_K:
                ReadScales(block, scales, minimums);
                for (int i = 0; i < 256; i++) quants[i] = (byte)BlockBytes.Nibble(block[16 + (32 * (i / 64)) + (i % 32)], i / 32 % 2);
                break;
            case GgmlType.Q5_K:
                ReadScales(block, scales, minimums);
                for (int i = 0; i < 256; i++)
                {
                    int low = BlockBytes.Nibble(block[48 + (32 * (i / 64)) + (i % 32)], i / 32 % 2);
                    quants[i] = (byte)(128 + (low | ((block[16 + (i % 32)] >> (i / 32)) & 1) << 4));
                }

                break;
            default:
                float d = BlockBytes.Half(block, 208);
                for (int j = 0; j < 16; j++) scales[j] = d * (sbyte)block[192 + j];
                for (int i = 0; i < 256; i++)
                {
                    int n = i / 128;
                    int r = i % 128;
                    int q = BlockBytes.Nibble(block[(64 * n) + (r % 64)], r / 64)
                        | ((block[128 + (32 * n) + (r % 32)] >> (2 * (r / 32))) & 3) << 4;
                    quants[i] = (byte)(q + 128 - 32);
                }

                break;
        }
    }

    private static void FiveBits(ReadOnlySpan<byte> block, int fifthsAt, int nibblesAt, Span<byte> quants, int zeroAt)
    {
        uint fifths = BinaryPrimitives.ReadUInt32LittleEndian(block[fifthsAt..]);
        for (int i = 0; i < 32; i++)
        {
            quants[i] = (byte)(zeroAt + (BlockBytes.Nibble(block[nibblesAt + (i % 16)], i / 16) | (int)((fifths >> i) & 1) << 4));
        }
    }

    private static void ReadScales(ReadOnlySpan<byte> block, Span<float> scales, Span<float> minimums)
    {
        // A half times six bits has 17 significant bits: exact.
        float d = BlockBytes.Half(block, 0);
        float dmin = BlockBytes.Half(block, 2);
        for (int j = 0; j < 8; j++)
        {
            (int scale, int minimum) = SixBitScales.Get(block.Slice(4, 12), j);
            scales[j] = d * scale;
            minimums[j] = -(dmin * minimum);
        }
    }
}
