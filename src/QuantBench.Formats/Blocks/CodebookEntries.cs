using QuantBench.Formats.Gguf;

namespace QuantBench.Formats.Blocks;

/// <summary>The codebooks of the IQ types, for kernels that look levels up themselves.</summary>
public static class CodebookEntries
{
    /// <summary>
    /// Entries of a type's codebook: 8 levels, one byte each, lowest first; 4 levels in the low half for the IQ3 types. Levels of IQ1 are
    /// signed, the others are magnitudes whose signs the blocks hold.
    /// </summary>
    /// <param name="type">A type with a codebook.</param>
    /// <exception cref="ArgumentOutOfRangeException">The type has no codebook.</exception>
    public static ReadOnlySpan<ulong> Of(GgmlType type) => type switch
    {
        GgmlType.IQ1_S or GgmlType.IQ1_M => Codebooks.IQ1S,
        GgmlType.IQ2_XXS => Codebooks.IQ2XXS,
        GgmlType.IQ2_XS => Codebooks.IQ2XS,
        GgmlType.IQ2_S => Codebooks.IQ2S,
        GgmlType.IQ3_XXS => Codebooks.IQ3XXS,
        GgmlType.IQ3_S => Codebooks.IQ3S,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no codebook"),
    };
}
