namespace QuantBench.Engines.Managed.Graph;

/// <summary>Weights of one layer; norms are [width], null where the architecture has none.</summary>
internal sealed unsafe class Layer
{
    public required Linear Query { get; init; }

    public required Linear Key { get; init; }

    public required Linear Value { get; init; }

    public required Linear Output { get; init; }

    public required Linear Gate { get; init; }

    public required Linear Up { get; init; }

    public required Linear Down { get; init; }

    public required float* AttentionNorm { get; init; }

    public required float* FeedForwardNorm { get; init; }

    public float* QueryNorm { get; init; }

    public float* KeyNorm { get; init; }

    public float* PostAttentionNorm { get; init; }

    public float* PostFeedForwardNorm { get; init; }
}
