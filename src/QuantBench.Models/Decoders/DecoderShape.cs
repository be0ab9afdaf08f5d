using System.Collections.Immutable;

namespace QuantBench.Models.Decoders;

/// <summary>Sizes and constants of a llama-family decoder.</summary>
public sealed record DecoderShape
{
    /// <summary>Architecture as GGUF names it: <c>llama</c> (mistral models, too), <c>qwen2</c>, <c>qwen3</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the weights are random and what they give means nothing.</summary>
    public bool IsSynthetic { get; init; }

    /// <summary>Number of tokens.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Hidden { get; init; }

    /// <summary>Width of the feed-forward part.</summary>
    public required int Intermediate { get; init; }

    /// <summary>Number of layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Width of a head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Context length of training, in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Added to the mean square in RMS norms.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Rotary positions.</summary>
    public required RotarySettings Rotary { get; init; }

    /// <summary>Whether the output head is the embedding matrix.</summary>
    public required bool TiesEmbeddings { get; init; }

    /// <summary>Whether each query and key head is normed before it is rotated.</summary>
    public required bool NormsHeads { get; init; }

    /// <summary>Token that begins a text; null when there is none.</summary>
    public int? BeginToken { get; init; }

    /// <summary>Tokens that end a text.</summary>
    public ImmutableArray<int> EndTokens { get; init; } = [];

    /// <summary>Width of all query heads.</summary>
    public int QueryWidth => Heads * HeadSize;

    /// <summary>Width of all key (or value) heads.</summary>
    public int KeyWidth => KeyValueHeads * HeadSize;
}
