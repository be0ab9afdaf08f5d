using System.Collections.Immutable;

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

    /// <summary>First of <c>architectures</c> of models that read images, too, and have this decoder within; null = none
    /// are known.</summary>
    public string? WrapperClass { get; init; }

    /// <summary>What <c>text_config</c> of such models leaves out, as JSON.</summary>
    public string WrapperDefaults { get; init; } = "{}";

    /// <summary><c>model_type</c> in <c>config.json</c>.</summary>
    public string ModelType { get => _modelType ?? Name; init => _modelType = value; }

    /// <summary><c>general.architecture</c> in GGUF files.</summary>
    public string Gguf { get => _gguf ?? Name; init => _gguf = value; }

    /// <summary>GGUF files have rows of Q and K reordered, so that RoPE turns the pairs (2i, 2i + 1) instead of (i, i + n/2).</summary>
    public bool RotatesNeighbours { get; init; }

    /// <summary>Hugging Face files have the rows in GGUF's order too.</summary>
    public bool KeepsRowOrder { get; init; }

    /// <summary>A part of each head may be rotated.</summary>
    public bool RotatesPart { get; init; }

    /// <summary>The rotated part of a head where <c>config.json</c> doesn't say.</summary>
    public double RotatedShare { get; init; } = 1;

    /// <summary>Files may give divisors per rotated pair, for long and for short contexts (longrope).</summary>
    public bool HasLongRope { get; init; }

    /// <summary>In a model with a sliding window only the windowed layers are rotated.</summary>
    public bool RotatesWindowedOnly { get; init; }

    /// <summary>Windowed layers turn by the base alone, however the others are stretched.</summary>
    public bool HasPlainWindowRope { get; init; }

    /// <summary>Layers per group of which the last isn't rotated; 0 = all are.</summary>
    public int NoRopeInterval { get; init; }

    /// <summary>RoPE base that GGUF files get where <c>config.json</c> has none; null = none, readers take 10,000.</summary>
    public float? DefaultRopeBase { get; init; }

    /// <summary>RoPE base of windowed layers where the file has none; they don't stretch positions. 0 = those layers rotate as all
    /// do.</summary>
    public float LocalRopeBase { get; init; }

    /// <summary>Norm weights are stored less this in Hugging Face files.</summary>
    public float NormOffset { get; init; }

    /// <summary>The norms before both parts and before the head subtract the mean (LayerNorm); else they only divide by the root of the
    /// mean square.</summary>
    public bool HasLayerNorms { get; init; }

    /// <summary>Those norms have biases.</summary>
    public bool HasNormBiases { get; init; }

    /// <summary>Each query and key head is normalised.</summary>
    public bool HasHeadNorms { get; init; }

    /// <summary>Queries and keys are normalised, all heads together.</summary>
    public bool HasProjectionNorms { get; init; }

    /// <summary>What attention and feed-forward read isn't normalised.</summary>
    public bool OmitsPreNorms { get; init; }

    /// <summary>What attention and feed-forward give is normalised before it is added.</summary>
    public bool HasPostNorms { get; init; }

    /// <summary>Attention and feed-forward read the same norm of the layer's input, and what both give is added to it.</summary>
    public bool IsParallel { get; init; }

    /// <summary>Q, K and V are one matrix, and so are gate and up.</summary>
    public bool FusesProjections { get; init; }

    /// <summary>Gate and up are one matrix.</summary>
    public bool FusesGate { get; init; }

    /// <summary>Real models have biases of Q, K and V; files say for themselves.</summary>
    public bool HasProjectionBiases { get; init; }

    /// <summary>Real models have biases of every matrix in a layer; files say for themselves.</summary>
    public bool HasAllBiases { get; init; }

    /// <summary>Real models have a bias of attention's output; files say for themselves.</summary>
    public bool HasOutputBias { get; init; }

    /// <summary>Whether files may say that queries grow beyond the context before stretching
    /// (<c>attention.temperature_scale</c>).</summary>
    public bool HasTemperature { get; init; }

    /// <summary>Each head has a score that takes its share of attention and gives nothing.</summary>
    public bool HasSinks { get; init; }

    /// <summary>GGUF files call the norm before the feed-forward part by the name of one behind attention.</summary>
    public bool NamesPreNormPost { get; init; }

    /// <summary>Keys and values of all heads are made of one compressed vector (MLA).</summary>
    public bool HasLatentAttention { get; init; }

    /// <summary>What there is to know of experts; null = the architecture has none.</summary>
    public ExpertTraits? Experts { get; init; }

    /// <summary>The activation is GELU (tanh form) instead of SiLU.</summary>
    public bool Gelu { get; init; }

    /// <summary>The activation is the square of ReLU instead of SiLU.</summary>
    public bool SquaresRelu { get; init; }

    /// <summary>The feed-forward part has no gate: its hidden elements are activations of the up-projection.</summary>
    public bool OmitsGate { get; init; }

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

    /// <summary>Factor of logits where <c>config.json</c> has none; files give it. 0 = there is no such factor.</summary>
    public float LogitFactor { get; init; }

    /// <summary>The head is the embedding where the configuration doesn't say.</summary>
    public bool TiesByDefault { get; init; }

    /// <summary>What a sliding window means.</summary>
    public SlidingWindow Window { get; init; }

    /// <summary>Layers per group of which all but the last see only the window; 0 = all do.</summary>
    public int WindowPattern { get; init; }

    /// <summary>Sliding window where a GGUF file doesn't give one; 0 = none.</summary>
    public int DefaultWindow { get; init; }

    /// <summary>Models without a sliding window are of this architecture too.</summary>
    public bool WindowIsOptional { get; init; }

    /// <summary>Layer count of the one size with a sliding window; 0 = it doesn't matter.</summary>
    public int WindowLayers { get; init; }

    /// <summary>Keys of <c>config.json</c> that are called otherwise than usual: usual and own name.</summary>
    public ImmutableDictionary<string, string> ConfigKeys { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>What keys of <c>config.json</c> say in every model that is computed here, should they be there.</summary>
    public ImmutableDictionary<string, string> Settings { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Where layers are in Hugging Face files.</summary>
    public string LayerPath { get; init; } = "model.layers";

    /// <summary>Modules of Hugging Face files that are called otherwise than usual; in a layer without the layer's own path.</summary>
    public ImmutableDictionary<DecoderRole, string> ModulePaths { get; init; } = ImmutableDictionary<DecoderRole, string>.Empty;

    /// <summary>The row that a GGUF file of it is read by.</summary>
    public DecoderArchitecture AsGguf() => Find(Gguf) ?? this;

    /// <summary>Whether any layer is computed with a window.</summary>
    public bool UsesWindow => Window is SlidingWindow.EveryLayer or SlidingWindow.Pattern;

    /// <summary>Whether it is no more than the plain graph, which runtimes know by its name: RMS norms before both parts, SiLU gates,
    /// rotation and attention over everything.</summary>
    public bool IsPlain => !(Gelu || ScalesEmbeddings || HasMultipliers || HasProjectionNorms || OmitsPreNorms || HasPostNorms
        || FusesProjections || UsesWindow || RotatesPart || KeepsRowOrder || HasLayerNorms || IsParallel || FusesGate || SquaresRelu
        || OmitsGate || HasSinks || HasLatentAttention) && NoRopeInterval == 0 && AttentionSoftCap == 0 && LogitSoftCap == 0
        && LogitFactor == 0;

    /// <summary>Name of a key of <c>config.json</c>.</summary>
    /// <param name="usual">Its name in most architectures.</param>
    public string ConfigKey(string usual) => ConfigKeys.GetValueOrDefault(usual, usual);

    /// <summary>Whether real models have a bias of a matrix.</summary>
    public bool HasBias(DecoderRole role) => role switch
    {
        DecoderRole.Query or DecoderRole.Key or DecoderRole.Value => HasProjectionBiases || HasAllBiases,
        DecoderRole.AttentionOutput => HasOutputBias || HasAllBiases,
        DecoderRole.Router or DecoderRole.GateExperts or DecoderRole.UpExperts or DecoderRole.DownExperts =>
            Experts is { HasBiases: true },
        _ => HasAllBiases && role > DecoderRole.FinalNorm,
    };

    /// <summary>Whether a key of <c>config.json</c> means something to this architecture that it doesn't mean to all.</summary>
    /// <param name="key">The key.</param>
    public bool ReadsKey(string key) => key switch
    {
        "attention_multiplier" or "embedding_multiplier" or "residual_multiplier" or "logits_scaling" => HasMultipliers,
        "attn_logit_softcapping" => AttentionSoftCap > 0,
        "final_logit_softcapping" => LogitSoftCap > 0,
        "rope_local_base_freq" => LocalRopeBase > 0,
        "logit_scale" => LogitFactor > 0,
        "q_lora_rank" or "kv_lora_rank" or "qk_nope_head_dim" or "qk_rope_head_dim" or "qk_head_dim" or "v_head_dim"
            or "rope_interleave" => HasLatentAttention,
        _ => Settings.ContainsKey(key) || ConfigKeys.ContainsValue(key) || (Experts?.ReadsKey(key) ?? false),
    };

    /// <summary>What <c>hidden_act</c> calls the activation.</summary>
    public string Activation => Gelu ? "gelu_pytorch_tanh" : SquaresRelu ? "relu2" : "silu";

    /// <summary>Whether <c>hidden_act</c> names what this architecture computes.</summary>
    public bool Accepts(string activation) => activation == Activation || (activation == "gelu" && Gelu && ScalesEmbeddings);
}
