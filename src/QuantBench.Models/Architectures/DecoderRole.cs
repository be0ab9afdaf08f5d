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

    /// <summary>Norm of queries.</summary>
    QueryNorm,

    /// <summary>Norm of keys.</summary>
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

    /// <summary>Scores of heads that give nothing.</summary>
    Sinks,

    /// <summary>Rates experts for a token.</summary>
    Router,

    /// <summary>Gates of all experts.</summary>
    GateExperts,

    /// <summary>Up-projections of all experts.</summary>
    UpExperts,

    /// <summary>Down-projections of all experts.</summary>
    DownExperts,

    /// <summary>Weighs the expert of all tokens.</summary>
    SharedRouter,

    /// <summary>Gate of the expert of all tokens.</summary>
    SharedGate,

    /// <summary>Up-projection of the expert of all tokens.</summary>
    SharedUp,

    /// <summary>Down-projection of the expert of all tokens.</summary>
    SharedDown,
}
