namespace QuantBench.Engines.Managed.Kernels;

/// <summary>The product of one quantized row with one token's 8-bit inputs.</summary>
internal unsafe interface IDot
{
    /// <summary>The type's codebook, if it has one.</summary>
    static virtual byte* Entries => null;

    /// <summary>Σ wᵢ·xᵢ.</summary>
    /// <param name="row">The row's first block.</param>
    /// <param name="entries">The codebook.</param>
    /// <param name="columns">Elements.</param>
    /// <param name="q">The inputs' bytes.</param>
    /// <param name="d">Their scales.</param>
    /// <param name="sums">Their sums, one per sub-block of the weights.</param>
    static abstract float Row(byte* row, byte* entries, int columns, sbyte* q, float* d, float* sums);
}
