namespace QuantBench.Models.Architectures;

/// <summary>
/// Everything that an architecture's name decides about a decoder of the llama family, told once for import, GGUF, graphs, export and
/// random models; the rest is read from configurations and metadata. A new architecture is a row of <see cref="Known"/>.
/// </summary>
public sealed partial record DecoderArchitecture
{
    private readonly string? _modelType;
    private readonly string? _gguf;

    /// <summary>Name for engines that read a Hugging Face directory itself; GGUF's, but where a GGUF file can't say all that
    /// <c>config.json</c> says.</summary>
    public required string Name { get; init; }

    /// <summary>First of <c>architectures</c> in <c>config.json</c>.</summary>
    public required string HuggingFaceClass { get; init; }

    /// <summary><c>model_type</c> in <c>config.json</c>.</summary>
    public string ModelType { get => _modelType ?? Name; init => _modelType = value; }

    /// <summary><c>general.architecture</c> in GGUF files.</summary>
    public string Gguf { get => _gguf ?? Name; init => _gguf = value; }

    /// <summary>GGUF files have rows of Q and K reordered, so that RoPE turns the pairs (2i, 2i + 1) instead of (i, i + n/2).</summary>
    public bool RotatesNeighbours { get; init; }

    /// <summary>A part of each head may be rotated, with divisors per pair for long contexts (longrope).</summary>
    public bool RotatesPart { get; init; }

    /// <summary>Layers per group of which the last isn't rotated; 0 = all are.</summary>
    public int NoRopeInterval { get; init; }

    /// <summary>RoPE base that GGUF files get where <c>config.json</c> has none; null = none, readers take 10,000.</summary>
    public float? DefaultRopeBase { get; init; }

    /// <summary>RoPE base of windowed layers where the file has none; they don't stretch positions. 0 = those layers rotate as all
    /// do.</summary>
    public float LocalRopeBase { get; init; }

    /// <summary>Norm weights are stored less this in Hugging Face files.</summary>
    public float NormOffset { get; init; }

    /// <summary>Each query and key head is normalised.</summary>
    public bool HasHeadNorms { get; init; }

    /// <summary>Queries and keys are normalised, all heads together.</summary>
    public bool HasProjectionNorms { get; init; }

    /// <summary>What attention and feed-forward read isn't normalised.</summary>
    public bool OmitsPreNorms { get; init; }

    /// <summary>What attention and feed-forward give is normalised before it is added.</summary>
    public bool HasPostNorms { get; init; }

    /// <summary>Q, K and V are one matrix, and so are gate and up.</summary>
    public bool FusesProjections { get; init; }

    /// <summary>Real models have biases of Q, K and V; files say for themselves.</summary>
    public bool HasProjectionBiases { get; init; }

    /// <summary>Real models have a bias of attention's output; files say for themselves.</summary>
    public bool HasOutputBias { get; init; }

    /// <summary>Each head has a score that takes its share of attention and gives nothing.</summary>
    public bool HasSinks { get; init; }

    /// <summary>GGUF files call the norm before the feed-forward part by the name of one behind attention.</summary>
    public bool NamesPreNormPost { get; init; }

    /// <summary>What there is to know of experts; null = the architecture has none.</summary>
    public ExpertTraits? Experts { get; init; }

    /// <summary>The gate is GELU (tanh form) instead of SiLU.</summary>
    public bool Gelu { get; init; }

    /// <summary>Embeddings are multiplied by the square root of their length.</summary>
    public bool ScalesEmbeddings { get; init; }

    /// <summary>The file gives all <see cref="Multipliers"/>.</summary>
    public bool HasMultipliers { get; init; }

    /// <summary>Layer count of the one size whose queries are scaled by the embedding's share per head; 0 = none.</summary>
    public int WideQueryLayers { get; init; }

    /// <summary>Soft cap of attention scores where the file has none; 0 = none.</summary>
    public float AttentionSoftCap { get; init; }

    /// <summary>Soft cap of logits where the file has none; 0 = none.</summary>
    public float LogitSoftCap { get; init; }

    /// <summary>The head is the embedding where the configuration doesn't say.</summary>
    public bool TiesByDefault { get; init; }

    /// <summary>What a sliding window means.</summary>
    public SlidingWindow Window { get; init; }

    /// <summary>Layers per group of which all but the last see only the window; 0 = all do.</summary>
    public int WindowPattern { get; init; }

    /// <summary>Sliding window where a GGUF file doesn't give one; 0 = none.</summary>
    public int DefaultWindow { get; init; }

    /// <summary>The row that a GGUF file of it is read by.</summary>
    public DecoderArchitecture AsGguf() => Find(Gguf) ?? this;

    /// <summary>Whether any layer is computed with a window.</summary>
    public bool UsesWindow => Window is SlidingWindow.EveryLayer or SlidingWindow.Pattern;

    /// <summary>Whether it is no more than the plain graph: RMS norms before both parts, SiLU gates, rotation and attention over
    /// everything.</summary>
    public bool IsPlain => !(Gelu || ScalesEmbeddings || HasMultipliers || HasProjectionNorms || OmitsPreNorms || HasPostNorms
        || FusesProjections || UsesWindow || RotatesPart || HasSinks) && NoRopeInterval == 0 && AttentionSoftCap == 0 && LogitSoftCap == 0;

    /// <summary>Whether a key of <c>config.json</c> means something to this architecture that it doesn't mean to all.</summary>
    /// <param name="key">The key.</param>
    public bool ReadsKey(string key) => key switch
    {
        "attention_multiplier" or "embedding_multiplier" or "residual_multiplier" or "logits_scaling" => HasMultipliers,
        "attn_logit_softcapping" => AttentionSoftCap > 0,
        "final_logit_softcapping" => LogitSoftCap > 0,
        "rope_local_base_freq" => LocalRopeBase > 0,
        _ => Experts?.ReadsKey(key) ?? false,
    };

    /// <summary>Whether <c>hidden_act</c> names what this architecture computes.</summary>
    public bool Accepts(string activation) => Gelu ? activation is "gelu" or "gelu_pytorch_tanh" : activation == "silu";
}
