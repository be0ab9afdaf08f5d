namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Sizes and switches (0 or 1) of <see cref="ExpertKernels"/>.</summary>
internal struct ExpertParameters
{
    /// <summary>Experts of a layer.</summary>
    public int Experts;

    /// <summary>Experts that a token uses.</summary>
    public int Used;

    /// <summary>Floats from one token's ratings to the next one's.</summary>
    public int Stride;

    /// <summary>0: softmax over all; 1: divided by the sum of the chosen; 2: softmax over the chosen.</summary>
    public int Kind;

    /// <summary>Whether the router has a bias.</summary>
    public int HasRouterBias;

    /// <summary>Elements of a result.</summary>
    public int Width;

    /// <summary>Floats from one result to the next.</summary>
    public int ResultStride;

    /// <summary>Whether a part that all tokens use is in the branch.</summary>
    public int HasCommon;

    /// <summary>Whether results have a bias.</summary>
    public int HasBias;
}
