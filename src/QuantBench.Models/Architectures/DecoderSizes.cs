namespace QuantBench.Models.Architectures;

/// <summary>Sizes of a decoder, from which all its matrices follow.</summary>
public record DecoderSizes
{
    /// <summary>What the name decides.</summary>
    public required DecoderArchitecture Architecture { get; init; }

    /// <summary>Number of tokens.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Number of layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Embedding { get; init; }

    /// <summary>Width of the feed-forward part of layers without experts.</summary>
    public required int FeedForward { get; init; }

    /// <summary>Experts of each layer; 0 = it has one feed-forward part.</summary>
    public int Experts { get; init; }

    /// <summary>First layers, which have one feed-forward part and no experts.</summary>
    public int LeadingDense { get; init; }

    /// <summary>Experts that a token uses.</summary>
    public int ExpertsUsed { get; init; }

    /// <summary>Width of an expert.</summary>
    public int ExpertFeedForward { get; init; }

    /// <summary>Width of the expert that all tokens use; 0 = there is none.</summary>
    public int SharedFeedForward { get; init; }

    /// <summary>Width of the feed-forward part that every token passes, in the layer where it is widest; 0 = there is none.</summary>
    public int CommonFeedForward =>
        Experts == 0 ? FeedForward : LeadingDense > 0 ? Math.Max(SharedFeedForward, FeedForward) : SharedFeedForward;

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; 1 with latent attention.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Width of a head; with latent attention, of a token in the cache.</summary>
    public required int HeadWidth { get; init; }

    /// <summary>Sizes of latent attention; null where keys and values have heads of their own.</summary>
    public LatentSizes? Latent { get; init; }

    /// <summary>Whether the output head is the embedding matrix.</summary>
    public required bool TiesEmbeddings { get; init; }

    /// <summary>Width of all query heads.</summary>
    public int QueryWidth => Heads * HeadWidth;

    /// <summary>Width of all key (or value) heads.</summary>
    public int KeyWidth => KvHeads * HeadWidth;

    /// <summary>Width of what all heads give together.</summary>
    public int MixedWidth => Latent is { } latent ? Heads * latent.ValueWidth : QueryWidth;

    /// <summary>Whether a layer has experts.</summary>
    /// <param name="layer">The layer.</param>
    public bool HasExperts(int layer) => Experts > 0 && layer >= LeadingDense;
}
