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

    /// <summary>Added to ratings when experts are chosen, and not when they are weighed.</summary>
    RouterBias,

    /// <summary>Compresses queries.</summary>
    QueryDown,

    /// <summary>Norm of compressed queries.</summary>
    QueryDownNorm,

    /// <summary>Makes queries of compressed ones.</summary>
    QueryUp,

    /// <summary>Compresses keys and values, and makes the rotated part of keys.</summary>
    KeyValueDown,

    /// <summary>Norm of compressed keys and values.</summary>
    KeyValueNorm,

    /// <summary>Makes each head's key and value of the compressed ones.</summary>
    KeyValueUp,

    /// <summary>The part of <see cref="KeyValueUp"/> that makes keys, turned and head by head: it makes queries that meet compressed
    /// keys.</summary>
    KeyUp,

    /// <summary>The part of <see cref="KeyValueUp"/> that makes values, head by head.</summary>
    ValueUp,
}
