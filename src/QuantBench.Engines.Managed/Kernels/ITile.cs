namespace QuantBench.Engines.Managed.Kernels;

/// <summary>A piece of a product of matrices whose sums fill the registers.</summary>
internal unsafe interface ITile
{
    /// <summary>Rows of A and C.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of B and C; a multiple of 16.</summary>
    static abstract int Columns { get; }

    /// <summary>C += A · B.</summary>
    /// <inheritdoc cref="KernelSet.MultiplyAdd"/>
    static abstract void MultiplyAdd(int k, float* a, int lda, float* b, int ldb, float* c, int ldc);
}
