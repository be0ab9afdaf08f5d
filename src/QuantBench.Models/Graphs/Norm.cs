namespace QuantBench.Models.Graphs;

/// <summary>What a norm multiplies by and adds.</summary>
/// <param name="weights">[width]; null = nothing is normalised.</param>
/// <param name="bias">[width], or null.</param>
public readonly unsafe struct Norm(float* weights, float* bias)
{
    /// <summary>[width]; null = nothing is normalised.</summary>
    public float* Weights { get; } = weights;

    /// <summary>[width], or null.</summary>
    public float* Bias { get; } = bias;
}
