namespace QuantBench.Models.Graphs;

/// <summary>How rotation angles are stretched for long contexts.</summary>
/// <param name="FrequencyScale">Positions are multiplied by this; 1 / scaling factor.</param>
/// <param name="Yarn">Low dimensions keep their frequency, high ones are scaled, with a ramp between (YaRN).</param>
/// <param name="OriginalContextLength">Context length before stretching, in tokens.</param>
/// <param name="AttentionFactor">Extra factor of the rotated vectors.</param>
/// <param name="BetaFast">Rotations above which a dimension keeps its frequency.</param>
/// <param name="BetaSlow">Rotations below which a dimension is fully scaled.</param>
public sealed record RopeScaling(
    float FrequencyScale, bool Yarn, int OriginalContextLength, float AttentionFactor, float BetaFast = 32, float BetaSlow = 1)
{
    /// <summary>Factor of rotated vectors; null = what <see cref="AttentionFactor"/> and the stretch give.</summary>
    public float? Magnitude { get; init; }
}
