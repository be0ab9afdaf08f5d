using QuantBench.Models.Weights;

namespace QuantBench.Models.Graphs;

/// <summary>A matrix with the bias that is added to its product.</summary>
/// <param name="weights">The matrix.</param>
/// <param name="bias">[rows], or null.</param>
public sealed unsafe class Linear(WeightMatrix weights, float* bias)
{
    /// <summary>The matrix.</summary>
    public WeightMatrix Weights { get; } = weights;

    /// <summary>[rows], or null.</summary>
    public float* Bias { get; } = bias;
}
