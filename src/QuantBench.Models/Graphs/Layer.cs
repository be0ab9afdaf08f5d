namespace QuantBench.Models.Graphs;

/// <summary>Weights of one layer; norms are [width], null where the architecture has none.</summary>
public sealed unsafe class Layer
{
    /// <summary>Queries.</summary>
    public required Linear Query { get; init; }

    /// <summary>Keys; with latent attention what keys and values are made of.</summary>
    public required Linear Key { get; init; }

    /// <summary>Values; the keys' with latent attention.</summary>
    public required Linear Value { get; init; }

    /// <summary>Output of attention.</summary>
    public required Linear Output { get; init; }

    /// <summary>The rest of latent attention; null where keys and values have heads of their own.</summary>
    public LatentAttention? Latent { get; init; }

    /// <summary>The feed-forward part that all tokens pass; null in layers that have only experts.</summary>
    public required FeedForward? Common { get; init; }

    /// <summary>Feed-forward parts of which each token passes some; null where there are none.</summary>
    public required Experts? Experts { get; init; }

    /// <summary>[heads]: a score of each query head that takes its share of attention and gives nothing; null where there are
    /// none.</summary>
    public float* Sinks { get; init; }

    /// <summary>All large matrices: routers aren't.</summary>
    public IEnumerable<Linear> Linears => [Query, Key, .. Projections, Output, .. Common?.Linears ?? [],
        .. Experts is { } e ? [.. e.Gate, .. e.Up, .. e.Down] : (Linear[])[]];

    private IEnumerable<Linear> Projections => Latent is not { } latent ? [Value]
        : [.. latent.QueryDown is { } down ? [down] : (Linear[])[],
            .. latent.KeyUp.Concat(latent.ValueUp).Select(matrix => new Linear(matrix, null))];

    /// <summary>Norm before attention.</summary>
    public required Norm AttentionNorm { get; init; }

    /// <summary>Norm before the feed-forward part; the one before attention where both parts read that.</summary>
    public required Norm FeedForwardNorm { get; init; }

    /// <summary>Norm of each query head [head width], or of all together [heads · head width].</summary>
    public float* QueryNorm { get; init; }

    /// <summary>Norm of each key head [head width], or of all together [key heads · head width].</summary>
    public float* KeyNorm { get; init; }

    /// <summary>Norm behind attention.</summary>
    public float* PostAttentionNorm { get; init; }

    /// <summary>Norm behind the feed-forward part.</summary>
    public float* PostFeedForwardNorm { get; init; }
}
