namespace QuantBench.Models.Graphs;

/// <summary>How rotation angles are stretched for long contexts.</summary>
/// <param name="FrequencyScale">Positions are multiplied by this; 1 / scaling factor.</param>
/// <param name="Yarn">Low dimensions keep their frequency, high ones are scaled, with a ramp between (YaRN).</param>
/// <param name="OriginalContextLength">Context length before stretching, in tokens.</param>
/// <param name="AttentionFactor">Extra factor of the rotated vectors.</param>
public sealed record RopeScaling(
    float FrequencyScale, bool Yarn, int OriginalContextLength, float AttentionFactor);
