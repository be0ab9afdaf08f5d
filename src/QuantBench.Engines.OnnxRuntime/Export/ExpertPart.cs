namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>The experts of a layer: down(act(gate · x, up · x)) with act(g, u) = g · σ(slope · g) · (u + shift).</summary>
/// <param name="Count">Their number.</param>
/// <param name="Used">How many a token uses.</param>
/// <param name="Up">Gates and up-projections of all, row by row in turn.</param>
/// <param name="UpBias">Their biases, in the same order; null when there are none.</param>
/// <param name="Down">Down-projections of all.</param>
/// <param name="DownBias">Their biases; null when there are none.</param>
internal sealed record ExpertPart(int Count, int Used, LinearWeights Up, float[]? UpBias, LinearWeights Down, float[]? DownBias)
{
    /// <summary>Of the gate.</summary>
    public float Slope { get; init; } = 1;

    /// <summary>Of the up-projection.</summary>
    public float Shift { get; init; }

    /// <summary>Largest g, and largest |u|; 0 = there is none.</summary>
    public float Limit { get; init; }
}
