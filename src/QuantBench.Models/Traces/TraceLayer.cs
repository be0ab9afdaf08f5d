namespace QuantBench.Models.Traces;

/// <summary>Weights of one layer as floats: matrices [rows, columns], norms [width].</summary>
internal sealed record TraceLayer(
    float[] Query, float[] Key, float[] Value, float[] Output, float[] Gate, float[] Up, float[] Down, float[] AttentionNorm,
    float[] FeedForwardNorm);
