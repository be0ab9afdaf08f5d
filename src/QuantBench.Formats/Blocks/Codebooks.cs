using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>Entries of the IQ types' codebooks, expanded to one byte per level, and the signs that go with them.</summary>
internal static partial class Codebooks
{
    /// <summary>256 entries of 8 levels, lowest byte first.</summary>
    public static readonly ulong[] IQ2XXS = Expand(IQ2XXSPacked, IQ2XXSLevels, size: 8, bits: 2);

    /// <summary>512 entries of 8 levels.</summary>
    public static readonly ulong[] IQ2XS = Expand(IQ2XSPacked, IQ2XSLevels, size: 8, bits: 2);

    /// <summary>1024 entries of 8 levels.</summary>
    public static readonly ulong[] IQ2S = Expand(IQ2SPacked, IQ2SLevels, size: 8, bits: 2);

    /// <summary>2048 entries of 8 signed levels; of IQ1_S and IQ1_M.</summary>
    public static readonly ulong[] IQ1S = Expand(IQ1SPacked, IQ1SLevels, size: 8, bits: 2);

    /// <summary>256 entries of 4 levels, in the low half.</summary>
    public static readonly ulong[] IQ3XXS = Expand(IQ3XXSPacked, IQ3XXSLevels, size: 4, bits: 3);

    /// <summary>512 entries of 4 levels, in the low half.</summary>
    public static readonly ulong[] IQ3S = Expand(IQ3SPacked, IQ3SLevels, size: 4, bits: 3);

    /// <summary>Signed level k of an entry.</summary>
    public static int Level(ulong entry, int k) => (sbyte)(entry >> (8 * k));

    /// <summary>Eight sign bits from seven: the eighth makes their number even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte EvenSigns(uint seven)
    {
        uint parity = 0x6996u >> (int)((seven ^ (seven >> 4)) & 15) & 1;
        return (byte)(seven | parity << 7);
    }

    /// <summary>Two entries of 8 levels, negated where their sign bits are set; lanes 0–7 belong to the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Signed(ulong first, ulong second, byte signs0, byte signs1)
    {
        Vector128<sbyte> levels = Vector128.Create(first, second).AsSByte();
        Vector128<sbyte> negative = Lanes.BitMask((ushort)(signs0 | signs1 << 8)).AsSByte();
        return (levels ^ negative) - negative; // two's complement where the mask is −1
    }

    private static ulong[] Expand(ReadOnlySpan<ushort> packed, ReadOnlySpan<sbyte> levels, int size, int bits)
    {
        ulong[] entries = new ulong[packed.Length];
        for (int i = 0; i < entries.Length; i++)
        {
            for (int k = 0; k < size; k++)
            {
                int number = (packed[i] >> (bits * k)) & ((1 << bits) - 1);
                entries[i] |= (ulong)(byte)levels[number] << (8 * k);
            }
        }

        return entries;
    }
}
