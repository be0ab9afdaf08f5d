namespace QuantBench.Models.Synthesis;

/// <summary>What a weight matrix does in a transformer; decides its type in mixed schemes.</summary>
internal enum TensorRole
{
    /// <summary>Token embeddings with an output head of their own beside them.</summary>
    Embedding,

    /// <summary>Output head, or embeddings that serve as one.</summary>
    Output,

    /// <summary>Queries.</summary>
    Query,

    /// <summary>Keys.</summary>
    Key,

    /// <summary>Values.</summary>
    Value,

    /// <summary>Queries, keys and values in one.</summary>
    QueryKeyValue,

    /// <summary>Output of attention.</summary>
    AttentionOutput,

    /// <summary>Gate of the feed-forward part.</summary>
    Gate,

    /// <summary>Up-projection of the feed-forward part.</summary>
    Up,

    /// <summary>Down-projection of the feed-forward part.</summary>
    Down,
}
