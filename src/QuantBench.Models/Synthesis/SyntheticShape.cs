using QuantBench.Models.Architectures;

namespace QuantBench.Models.Synthesis;

/// <summary>Sizes of a transformer that random weights are made for.</summary>
public sealed record SyntheticShape
{
    /// <summary>Name, e.g. <c>llama-3.2-1b</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Name of a <see cref="DecoderArchitecture"/>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Number of layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Embedding { get; init; }

    /// <summary>Width of the feed-forward part.</summary>
    public required int FeedForward { get; init; }

    /// <summary>Experts of each layer; 0 = none.</summary>
    public int Experts { get; init; }

    /// <summary>Experts that a token uses.</summary>
    public int ExpertsUsed { get; init; }

    /// <summary>Width of an expert; 0 = that of the feed-forward part.</summary>
    public int ExpertFeedForward { get; init; }

    /// <summary>Width of the expert that all tokens use; 0 = there is none.</summary>
    public int SharedFeedForward { get; init; }

    /// <summary>First layers without experts.</summary>
    public int LeadingDense { get; init; }

    /// <summary>How experts are chosen and weighed, in architectures whose files say it; null = by a softmax alone.</summary>
    public ExpertRouting? Routing { get; init; }

    /// <summary>Sizes of latent attention, in architectures that have it; then neither <see cref="KvHeads"/> nor <see cref="HeadWidth"/>
    /// matters.</summary>
    public LatentSizes? Latent { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Width of a head; 0 = embedding / heads.</summary>
    public int HeadWidth { get; init; }

    /// <summary>Number of tokens; at least 264.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Context length in tokens.</summary>
    public int ContextLength { get; init; } = 4096;

    /// <summary>RoPE base.</summary>
    public float RopeBase { get; init; } = 10_000;

    /// <summary>Whether llama-3's divisors of RoPE angles are written.</summary>
    public bool HasRopeFactors { get; init; }

    /// <summary>RoPE scaling type (<c>linear</c>, <c>yarn</c>) and factor; null = none.</summary>
    public (string Type, float Factor)? RopeScaling { get; init; }

    /// <summary>How much queries grow with each context before stretching that lies behind them; GGUF files of mistral3 say it.</summary>
    public float Temperature { get; init; }

    /// <summary>Dimensions of a head that are rotated; 0 = the architecture's usual share.</summary>
    public int RotatedWidth { get; init; }

    /// <summary>Sliding window in tokens; 0 = none.</summary>
    public int Window { get; init; }

    /// <summary>Whether the output head is the embedding matrix.</summary>
    public bool TiesEmbeddings { get; init; } = true;

    /// <summary>Width of a head.</summary>
    public int EffectiveHeadWidth => Latent is { } latent ? latent.CacheWidth : HeadWidth > 0 ? HeadWidth : Embedding / Heads;

    /// <summary>Dimensions of a head that are rotated.</summary>
    public int EffectiveRotatedWidth =>
        Latent is { } latent ? latent.RotatedWidth
        : RotatedWidth > 0 ? RotatedWidth : (int)(EffectiveHeadWidth * Sizes.Architecture.RotatedShare) / 2 * 2;

    /// <summary>Width of an expert, if there are any.</summary>
    internal int EffectiveExpertWidth => ExpertFeedForward > 0 ? ExpertFeedForward : FeedForward;

    /// <summary>The sizes that its matrices follow from.</summary>
    internal DecoderSizes Sizes => new()
    {
        Architecture = DecoderArchitecture.Find(Architecture)
            ?? throw new ArgumentException($"no architecture is named '{Architecture}'"),
        Vocabulary = Vocabulary,
        Layers = Layers,
        Embedding = Embedding,
        FeedForward = FeedForward,
        Experts = Experts,
        ExpertsUsed = ExpertsUsed,
        ExpertFeedForward = Experts == 0 ? 0 : EffectiveExpertWidth,
        SharedFeedForward = SharedFeedForward,
        LeadingDense = LeadingDense,
        Heads = Heads,
        KvHeads = Latent is null ? KvHeads : 1,
        Latent = Latent,
        HeadWidth = EffectiveHeadWidth,
        TiesEmbeddings = TiesEmbeddings,
    };

    /// <summary>Factors of the graph, as IBM's models have them; null where the architecture has none.</summary>
    internal Multipliers? Multipliers => Sizes.Architecture.HasMultipliers ? new(1f / EffectiveHeadWidth, 12, 0.22f, 8) : null;

    /// <summary>Whether a matrix makes queries, keys or values.</summary>
    internal static bool IsProjection(DecoderRole role) => role is DecoderRole.Query or DecoderRole.Key or DecoderRole.Value;
}
