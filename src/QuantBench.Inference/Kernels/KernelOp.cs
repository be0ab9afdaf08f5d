namespace QuantBench.Inference.Kernels;

/// <summary>What a kernel does with a matrix of weights.</summary>
public enum KernelOp
{
    /// <summary>Decodes all weights to floats in memory, as conversions do.</summary>
    Dequantize,

    /// <summary>Multiplies one row after the other with one vector: the inner product alone, its input prepared before the clock
    /// starts.</summary>
    VecDot,

    /// <summary>Multiplies the matrix with one vector, its preparation included, as generating a token does.</summary>
    MatVec,

    /// <summary>Multiplies the matrix with many vectors at once, their preparation included, as reading a prompt does.</summary>
    MatMat,
}
