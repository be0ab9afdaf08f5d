namespace QuantBench.Formats.Blocks;

/// <summary>
/// The codebooks of the IQ types, for kernels that look levels up themselves. An entry holds 8 levels, one byte each, lowest first; those
/// of the IQ3 types hold 4 in the low half. Levels of IQ1 are signed, the others are magnitudes whose signs the blocks hold.
/// </summary>
public static class CodebookEntries
{
    /// <summary>Of IQ1_S and IQ1_M.</summary>
    public static ReadOnlySpan<ulong> IQ1S => Codebooks.IQ1S;

    /// <summary>Of IQ2_XXS.</summary>
    public static ReadOnlySpan<ulong> IQ2XXS => Codebooks.IQ2XXS;

    /// <summary>Of IQ2_XS.</summary>
    public static ReadOnlySpan<ulong> IQ2XS => Codebooks.IQ2XS;

    /// <summary>Of IQ2_S.</summary>
    public static ReadOnlySpan<ulong> IQ2S => Codebooks.IQ2S;

    /// <summary>Of IQ3_XXS.</summary>
    public static ReadOnlySpan<ulong> IQ3XXS => Codebooks.IQ3XXS;

    /// <summary>Of IQ3_S.</summary>
    public static ReadOnlySpan<ulong> IQ3S => Codebooks.IQ3S;
}
