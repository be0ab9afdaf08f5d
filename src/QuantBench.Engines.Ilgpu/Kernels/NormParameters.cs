namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Sizes and switches (0 or 1) of <see cref="InputKernels.Normalise"/>.</summary>
internal struct NormParameters
{
    /// <summary>Elements of a token.</summary>
    public int Width;

    /// <summary>Floats from one token of the residual stream to the next.</summary>
    public int Stride;

    /// <summary>Rounds in which a group of threads covers the inputs' stride, four elements each.</summary>
    public int Steps;

    /// <summary>ε.</summary>
    public float Epsilon;

    /// <summary>Factor of the branch.</summary>
    public float BranchScale;

    /// <summary>Whether a branch is added first.</summary>
    public int AddsBranch;

    /// <summary>Whether the branch has a bias.</summary>
    public int HasBias;

    /// <summary>Whether the branch is normalised before it is added.</summary>
    public int HasPostNorm;

    /// <summary>Whether the branch is added behind the norm.</summary>
    public int BranchLast;

    /// <summary>Whether inputs are the residual stream as it is.</summary>
    public int OmitsNorm;

    /// <summary>Whether the norm subtracts the mean.</summary>
    public int SubtractsMean;

    /// <summary>Whether the norm has a bias.</summary>
    public int HasNormBias;

    /// <summary>Whether inputs are made from chosen rows.</summary>
    public int MapsRows;

    /// <summary>Whether 8-bit chunks are wanted.</summary>
    public int Quantizes;
}
