using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>
/// The codebooks of the IQ types: entries of levels, one byte each, lowest first. Levels of IQ1 are signed, the others are magnitudes whose
/// signs the blocks hold. The books lie in <c>codebooks.txt</c>, which is part of this assembly.
/// </summary>
public static class Codebooks
{
    private static readonly Dictionary<string, ImmutableArray<ulong>> s_books = Read();

    /// <summary>256 entries of 8 levels.</summary>
    public static readonly ImmutableArray<ulong> IQ2XXS = s_books["IQ2_XXS"];

    /// <summary>512 entries of 8 levels.</summary>
    public static readonly ImmutableArray<ulong> IQ2XS = s_books["IQ2_XS"];

    /// <summary>1024 entries of 8 levels.</summary>
    public static readonly ImmutableArray<ulong> IQ2S = s_books["IQ2_S"];

    /// <summary>2048 entries of 8 signed levels; of IQ1_S and IQ1_M.</summary>
    public static readonly ImmutableArray<ulong> IQ1S = s_books["IQ1_S"];

    /// <summary>256 entries of 4 levels, in the low half.</summary>
    public static readonly ImmutableArray<ulong> IQ3XXS = s_books["IQ3_XXS"];

    /// <summary>512 entries of 4 levels, in the low half.</summary>
    public static readonly ImmutableArray<ulong> IQ3S = s_books["IQ3_S"];

    /// <summary>Signed level k of an entry.</summary>
    internal static int Level(ulong entry, int k) => (sbyte)(entry >> (8 * k));

    /// <summary>Eight sign bits from seven: the eighth makes their number even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static byte EvenSigns(uint seven)
    {
        uint parity = 0x6996u >> (int)((seven ^ (seven >> 4)) & 15) & 1;
        return (byte)(seven | parity << 7);
    }

    /// <summary>Two entries of 8 levels, negated where their sign bits are set; lanes 0–7 belong to the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<sbyte> Signed(ulong first, ulong second, byte signs0, byte signs1)
    {
        Vector128<sbyte> levels = Vector128.Create(first, second).AsSByte();
        Vector128<sbyte> negative = Lanes.BitMask((ushort)(signs0 | signs1 << 8)).AsSByte();
        return (levels ^ negative) - negative; // two's complement where the mask is −1
    }

    // What the lines mean stands at the file's head.
    private static Dictionary<string, ImmutableArray<ulong>> Read()
    {
        using Stream file = typeof(Codebooks).Assembly.GetManifestResourceStream("codebooks.txt")!; // put in by the project file
        using var reader = new StreamReader(file);
        var books = new Dictionary<string, ImmutableArray<ulong>>(StringComparer.Ordinal);
        foreach (string book in reader.ReadToEnd().Split("\nIQ").Skip(1))
        {
            string[] lines = book.TrimEnd().Split('\n'), head = lines[0].Split(' ');
            int size = int.Parse(head[1]), bits = int.Parse(head[2]);
            sbyte[] levels = [.. head.Skip(3).Select(level => sbyte.Parse(level))];
            books[$"IQ{head[0]}"] = [.. lines.Skip(1).SelectMany(line => line.Split(' ')).Select(Entry)];

            ulong Entry(string hex)
            {
                int packed = Convert.ToInt32(hex, 16), mask = (1 << bits) - 1;
                ulong entry = 0;
                for (int k = 0; k < size; k++) entry |= (ulong)(byte)levels[(packed >> (bits * k)) & mask] << (8 * k);
                return entry;
            }
        }

        return books;
    }
}
