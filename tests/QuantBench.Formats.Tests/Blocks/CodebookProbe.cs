using System.Buffers.Binary;
using System.Text;
using QuantBench.Formats.Gguf;

namespace QuantBench.Formats.Tests.Blocks;

/// <summary>
/// Finds the codebooks of the IQ types by decoding, with the native library, one crafted block per entry: signs positive and scale such
/// that the decoded floats are the entry's levels.
/// </summary>
internal static class CodebookProbe
{
    private static readonly Book[] s_books =
    [
        new(GgmlType.IQ1_S, Entries: 2048, Size: 8, Bytes: 50),
        new(GgmlType.IQ2_XXS, Entries: 256, Size: 8, Bytes: 66),
        new(GgmlType.IQ2_XS, Entries: 512, Size: 8, Bytes: 74),
        new(GgmlType.IQ2_S, Entries: 1024, Size: 8, Bytes: 82),
        new(GgmlType.IQ3_XXS, Entries: 256, Size: 4, Bytes: 98),
        new(GgmlType.IQ3_S, Entries: 512, Size: 4, Bytes: 110),
    ];

    /// <summary>The text of the file that holds the books.</summary>
    public static string Text()
    {
        var text = new StringBuilder(
            """
            # Codebooks of the IQ types. Written by tests/codebooks from what the native library decodes; don't edit.
            # Of each book: type, numbers per entry, bits of a number, levels that numbers stand for; then the entries, lowest bits first.

            """);
        foreach (Book book in s_books)
        {
            int[][] entries = [.. Enumerable.Range(0, book.Entries).Select(i => Probe(book, i))];
            int[] levels = [.. entries.SelectMany(e => e).Distinct().Order()];
            int bits = levels.Length <= 4 ? 2 : 3;
            if (levels.Length > 8) throw new InvalidOperationException($"{book.Type} has {levels.Length} levels");
            text.Append($"{book.Type} {book.Size} {bits} {string.Join(' ', levels)}\n");
            foreach (int[][] line in entries.Chunk(16))
                text.AppendJoin(' ', line.Select(entry => $"{Pack(entry, levels, bits):X4}")).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>Levels of one entry as the native library decodes them.</summary>
    private static int[] Probe(Book book, int index)
    {
        byte[] block = new byte[book.Bytes];
        int high = index >> 8;
        double scale = 1; // of the decoded floats
        double shift = 0;
        switch (book.Type)
        {
            case GgmlType.IQ1_S: // index: byte 2, bits 0-2 of the 16-bit word at 34; levels are shifted by 1/8
                block[2] = (byte)index;
                block[34] = (byte)high;
                shift = 0.125;
                break;
            case GgmlType.IQ2_XXS: // index: byte 2
                block[2] = (byte)index;
                scale = 8;
                break;
            case GgmlType.IQ2_XS: // index: low 9 bits of the word at 2
                BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(2), (ushort)index);
                scale = 8;
                break;
            case GgmlType.IQ2_S: // index: byte 2, bits 0-1 of byte 66
                block[2] = (byte)index;
                block[66] = (byte)high;
                scale = 8;
                break;
            case GgmlType.IQ3_XXS: // index: byte 2
                block[2] = (byte)index;
                scale = 4;
                break;
            case GgmlType.IQ3_S: // index: byte 2, bit 0 of byte 66
                block[2] = (byte)index;
                block[66] = (byte)high;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(book));
        }

        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        float[] decoded = new float[256];
        NativeGgml.Dequantize(book.Type, block, decoded);
        return [.. decoded.Take(book.Size).Select(v => (int)(v - shift))];
    }

    private static int Pack(int[] entry, int[] levels, int bits)
    {
        int packed = 0;
        for (int k = 0; k < entry.Length; k++) packed |= Array.IndexOf(levels, entry[k]) << (bits * k);
        return packed;
    }

    private sealed record Book(GgmlType Type, int Entries, int Size, int Bytes);
}
