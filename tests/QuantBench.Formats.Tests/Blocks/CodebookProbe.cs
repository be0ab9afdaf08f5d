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
    /// <summary>Block types by the file that holds their table.</summary>
    private static readonly (string File, Book[] Books)[] s_files =
    [
        ("Codebooks.IQ1.cs", [new(GgmlType.IQ1_S, Entries: 2048, Size: 8, Bytes: 50)]),
        ("Codebooks.IQ2.cs",
        [
            new(GgmlType.IQ2_XXS, Entries: 256, Size: 8, Bytes: 66),
            new(GgmlType.IQ2_XS, Entries: 512, Size: 8, Bytes: 74),
            new(GgmlType.IQ2_S, Entries: 1024, Size: 8, Bytes: 82),
        ]),
        ("Codebooks.IQ3.cs",
            [new(GgmlType.IQ3_XXS, Entries: 256, Size: 4, Bytes: 98), new(GgmlType.IQ3_S, Entries: 512, Size: 4, Bytes: 110)]),
    ];

    /// <summary>Names and texts of the source files that hold the tables.</summary>
    public static IEnumerable<(string Name, string Text)> Files() => s_files.Select(f => (f.File, Text(f.Books)));

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

    private static string Text(Book[] books)
    {
        var text = new StringBuilder(
            "// Written by tests/codebooks from what the native library decodes; don't edit.\n\nnamespace QuantBench.Formats.Blocks;\n\n");
        text.Append("internal static partial class Codebooks\n{\n");
        foreach (Book book in books)
        {
            int[][] entries = [.. Enumerable.Range(0, book.Entries).Select(i => Probe(book, i))];
            int[] levels = [.. entries.SelectMany(e => e).Distinct().Order()];
            int bits = levels.Length <= 4 ? 2 : 3;
            if (levels.Length > 8) throw new InvalidOperationException($"{book.Type} has {levels.Length} levels");
            string name = book.Type.ToString().Replace("_", "", StringComparison.Ordinal);
            if (book != books[0]) text.Append('\n');
            text.Append($"    private static ReadOnlySpan<sbyte> {name}Levels => [{string.Join(", ", levels)}];\n\n");
            text.Append(
                $"    /// <summary>{book.Entries} entries of {book.Size} level numbers, {bits} bits each, lowest bits first.</summary>\n");
            text.Append($"    private static ReadOnlySpan<ushort> {name}Packed =>\n    [\n");
            foreach (int[][] line in entries.Chunk(16))
            {
                text.Append("        ").AppendJoin(", ", line.Select(entry => $"0x{Pack(entry, levels, bits):X4}")).Append(",\n");
            }

            text.Append("    ];\n");
        }

        return text.Append("}\n").ToString();
    }

    private static int Pack(int[] entry, int[] levels, int bits)
    {
        int packed = 0;
        for (int k = 0; k < entry.Length; k++) packed |= Array.IndexOf(levels, entry[k]) << (bits * k);
        return packed;
    }

    private sealed record Book(GgmlType Type, int Entries, int Size, int Bytes);
}
