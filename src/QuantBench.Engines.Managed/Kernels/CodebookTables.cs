using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Formats.Blocks;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Codebooks in memory that never moves, in the form that kernels add up.</summary>
internal static unsafe class CodebookTables
{
    /// <summary>Levels plus 1, so 0, 1 or 2; 2048 entries of 8 bytes.</summary>
    public static readonly byte* IQ1_S = Wide(Codebooks.IQ1S, level => level + 1);

    /// <summary>8 · level + 10; a shift by −⅛ or ⅛ then makes it 8 · x + 9 with x · 8 a whole number.</summary>
    public static readonly byte* IQ1_M = Wide(Codebooks.IQ1S, level => (8 * level) + 10);

    /// <summary>256 entries of 8 magnitudes.</summary>
    public static readonly byte* IQ2_XXS = Wide(Codebooks.IQ2XXS, level => level);

    /// <summary>512 entries of 8 magnitudes.</summary>
    public static readonly byte* IQ2_XS = Wide(Codebooks.IQ2XS, level => level);

    /// <summary>1024 entries of 8 magnitudes.</summary>
    public static readonly byte* IQ2_S = Wide(Codebooks.IQ2S, level => level);

    /// <summary>256 entries of 4 magnitudes.</summary>
    public static readonly byte* IQ3_XXS = Narrow(Codebooks.IQ3XXS);

    /// <summary>512 entries of 4 magnitudes.</summary>
    public static readonly byte* IQ3_S = Narrow(Codebooks.IQ3S);

    private static byte* Wide(ImmutableArray<ulong> entries, Func<int, int> map)
    {
        byte* table = Allocate(entries.Length * 8);
        for (int i = 0; i < entries.Length; i++)
        {
            for (int k = 0; k < 8; k++) table[(8 * i) + k] = (byte)map((sbyte)(entries[i] >> (8 * k)));
        }

        return table;
    }

    private static byte* Narrow(ImmutableArray<ulong> entries)
    {
        byte* table = Allocate(entries.Length * 4);
        for (int i = 0; i < entries.Length; i++) ((uint*)table)[i] = (uint)entries[i];
        return table;
    }

    /// <summary>Lives as long as the process: at most seven small tables. Aligned, so that no entry lies across two cache lines.</summary>
    private static byte* Allocate(int bytes) => (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
}
