using System.Runtime.InteropServices;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Codebooks in memory that never moves, in the form that kernels add up.</summary>
internal static unsafe class CodebookTables
{
    /// <summary>Levels plus 1, so 0, 1 or 2; 2048 entries of 8 bytes.</summary>
    public static readonly byte* IQ1_S = Wide(GgmlType.IQ1_S, level => level + 1);

    /// <summary>8 · level + 10; a shift by −⅛ or ⅛ then makes it 8 · x + 9 with x · 8 a whole number.</summary>
    public static readonly byte* IQ1_M = Wide(GgmlType.IQ1_M, level => (8 * level) + 10);

    /// <summary>256 entries of 8 magnitudes.</summary>
    public static readonly byte* IQ2_XXS = Wide(GgmlType.IQ2_XXS, level => level);

    /// <summary>512 entries of 8 magnitudes.</summary>
    public static readonly byte* IQ2_XS = Wide(GgmlType.IQ2_XS, level => level);

    /// <summary>1024 entries of 8 magnitudes.</summary>
    public static readonly byte* IQ2_S = Wide(GgmlType.IQ2_S, level => level);

    /// <summary>256 entries of 4 magnitudes.</summary>
    public static readonly byte* IQ3_XXS = Narrow(GgmlType.IQ3_XXS);

    /// <summary>512 entries of 4 magnitudes.</summary>
    public static readonly byte* IQ3_S = Narrow(GgmlType.IQ3_S);

    private static byte* Wide(GgmlType type, Func<int, int> map)
    {
        ReadOnlySpan<ulong> entries = CodebookEntries.Of(type);
        byte* table = Allocate(entries.Length * 8);
        for (int i = 0; i < entries.Length; i++)
        {
            for (int k = 0; k < 8; k++) table[(8 * i) + k] = (byte)map((sbyte)(entries[i] >> (8 * k)));
        }

        return table;
    }

    private static byte* Narrow(GgmlType type)
    {
        ReadOnlySpan<ulong> entries = CodebookEntries.Of(type);
        byte* table = Allocate(entries.Length * 4);
        for (int i = 0; i < entries.Length; i++) ((uint*)table)[i] = (uint)entries[i];
        return table;
    }

    /// <summary>Lives as long as the process: at most seven small tables. Aligned, so that no entry lies across two cache lines.</summary>
    private static byte* Allocate(int bytes) => (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
}
