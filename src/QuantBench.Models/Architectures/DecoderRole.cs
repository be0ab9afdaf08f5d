namespace QuantBench.Models.Architectures;

/// <summary>What a matrix or vector does in a decoder, whatever file it comes from.</summary>
public enum DecoderRole
{
    /// <summary>Token embeddings.</summary>
    Embedding,

    /// <summary>Output head; absent where the embeddings serve as one.</summary>
    Head,

    /// <summary>Norm before the head.</summary>
    FinalNorm,

    /// <summary>Norm before attention.</summary>
    AttentionNorm,

    /// <summary>Queries.</summary>
    Query,

    /// <summary>Keys.</summary>
    Key,

    /// <summary>Values.</summary>
    Value,

    /// <summary>Queries, keys and values in one.</summary>
    QueryKeyValue,

    /// <summary>Norm of query heads.</summary>
    QueryNorm,

    /// <summary>Norm of key heads.</summary>
    KeyNorm,

    /// <summary>Output of attention.</summary>
    AttentionOutput,

    /// <summary>Norm behind attention.</summary>
    PostAttentionNorm,

    /// <summary>Norm before the feed-forward part.</summary>
    FeedForwardNorm,

    /// <summary>Gate of the feed-forward part.</summary>
    Gate,

    /// <summary>Up-projection of the feed-forward part.</summary>
    Up,

    /// <summary>Gate and up-projection in one.</summary>
    GateUp,

    /// <summary>Down-projection of the feed-forward part.</summary>
    Down,

    /// <summary>Norm behind the feed-forward part.</summary>
    PostFeedForwardNorm,
}
