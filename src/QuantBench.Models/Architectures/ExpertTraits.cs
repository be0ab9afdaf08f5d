using System.Collections.Frozen;

namespace QuantBench.Models.Architectures;

/// <summary>What an architecture's name decides about experts: feed-forward parts of which a router picks a few for each token.</summary>
public sealed record ExpertTraits
{
    /// <summary>Mixtral's.</summary>
    public static ExpertTraits Mixtral { get; } = new()
    {
        Weights = ExpertWeights.Normalised,
        CountKey = "num_local_experts",
        WidthKey = "intermediate_size",
        Paths = new Dictionary<DecoderRole, string>
        {
            [DecoderRole.Router] = "block_sparse_moe.gate",
            [DecoderRole.GateExperts] = "block_sparse_moe.experts.*.w1",
            [DecoderRole.UpExperts] = "block_sparse_moe.experts.*.w3",
            [DecoderRole.DownExperts] = "block_sparse_moe.experts.*.w2",
        }.ToFrozenDictionary(),
    };

    /// <summary>Mixtral's in GGUF files of llama's architecture; directories of that have none.</summary>
    public static ExpertTraits Optional { get; } = Mixtral with { CountKey = null };

    /// <summary>Those of OLMoE.</summary>
    public static ExpertTraits Olmoe { get; } = new()
    {
        Weights = ExpertWeights.Softmax,
        CountKey = "num_experts",
        WidthKey = "intermediate_size",
    };

    /// <summary>Those of Qwen2-MoE, beside one for all tokens.</summary>
    public static ExpertTraits Qwen2 { get; } = new()
    {
        Weights = ExpertWeights.Softmax,
        CountKey = "num_experts",
        WidthKey = "moe_intermediate_size",
        HasGgufWidth = true,
        HasShared = true,
        HasSharedRouter = true,
    };

    /// <summary>Those of Qwen3-MoE.</summary>
    public static ExpertTraits Qwen3 { get; } = new()
    {
        Weights = ExpertWeights.Normalised,
        CountKey = "num_experts",
        WidthKey = "moe_intermediate_size",
        HasGgufWidth = true,
    };

    /// <summary>Granite's: all of a layer in one tensor, gates above up-projections.</summary>
    public static ExpertTraits Granite { get; } = new()
    {
        Weights = ExpertWeights.Normalised,
        CountKey = "num_local_experts",
        WidthKey = "intermediate_size",
        Paths = new Dictionary<DecoderRole, string>
        {
            [DecoderRole.Router] = "block_sparse_moe.router.layer",
            [DecoderRole.GateExperts] = "block_sparse_moe.input_linear",
            [DecoderRole.UpExperts] = "block_sparse_moe.input_linear",
            [DecoderRole.DownExperts] = "block_sparse_moe.output_linear",
        }.ToFrozenDictionary(),
    };

    /// <summary>Those of gpt-oss.</summary>
    public static ExpertTraits GptOss { get; } = new()
    {
        Weights = ExpertWeights.SoftmaxOfChosen,
        CountKey = "num_local_experts",
        WidthKey = "intermediate_size",
        HasGgufWidth = true,
        HasBiases = true,
        ClampsGate = true,
        Paths = new Dictionary<DecoderRole, string>
        {
            [DecoderRole.Router] = "mlp.router",
            [DecoderRole.GateExperts] = "mlp.experts.gate_up_proj",
            [DecoderRole.UpExperts] = "mlp.experts.gate_up_proj",
            [DecoderRole.DownExperts] = "mlp.experts.down_proj",
        }.ToFrozenDictionary(),
    };

    /// <summary>Those of DeepSeek-V2: a layer's shared experts are one of their common width.</summary>
    public static ExpertTraits DeepSeek2 { get; } = new()
    {
        Weights = ExpertWeights.Softmax,
        CountKey = "n_routed_experts",
        WidthKey = "moe_intermediate_size",
        HasGgufWidth = true,
        HasShared = true,
        FilesDecide = true,
        Paths = new Dictionary<DecoderRole, string>
        {
            [DecoderRole.SharedGate] = "mlp.shared_experts.gate_proj",
            [DecoderRole.SharedUp] = "mlp.shared_experts.up_proj",
            [DecoderRole.SharedDown] = "mlp.shared_experts.down_proj",
        }.ToFrozenDictionary(),
    };

    /// <summary>Those of DeepSeek-V3, which a bias chooses among.</summary>
    public static ExpertTraits DeepSeek3 { get; } = DeepSeek2 with { IsLogistic = true, HasRouterBias = true };

    /// <summary>How their results are weighed.</summary>
    public required ExpertWeights Weights { get; init; }

    /// <summary>Key of <c>config.json</c> with their number; null = directories of the architecture have none.</summary>
    public required string? CountKey { get; init; }

    /// <summary>Key of <c>config.json</c> with their width.</summary>
    public required string WidthKey { get; init; }

    /// <summary>GGUF files give the width of an expert under a key of its own.</summary>
    public bool HasGgufWidth { get; init; }

    /// <summary>Beside the chosen experts there is one for all tokens.</summary>
    public bool HasShared { get; init; }

    /// <summary>That one has a gate of its own.</summary>
    public bool HasSharedRouter { get; init; }

    /// <summary>What is added to ratings decides with them who is chosen.</summary>
    public bool HasRouterBias { get; init; }

    /// <summary>Ratings of directories pass the logistic function; a softmax otherwise.</summary>
    public bool IsLogistic { get; init; }

    /// <summary>Files say how experts are chosen and weighed, and in which layers they are; else the architecture's name does.</summary>
    public bool FilesDecide { get; init; }

    /// <summary>Router and experts have biases.</summary>
    public bool HasBiases { get; init; }

    /// <summary>gpt-oss's gate: min(g, 7) · σ(1.702 · min(g, 7)) · (clamp(u, ±7) + 1); SiLU otherwise.</summary>
    public bool ClampsGate { get; init; }

    /// <summary>Hugging Face files have all of a layer in one tensor.</summary>
    public bool ArePacked => Paths.TryGetValue(DecoderRole.DownExperts, out string? path) && !path.Contains('*', StringComparison.Ordinal);

    /// <summary>Where Hugging Face files have them, if elsewhere than most; <c>*</c> is the expert's number.</summary>
    public FrozenDictionary<DecoderRole, string> Paths { get; init; } = FrozenDictionary<DecoderRole, string>.Empty;

    /// <summary>Whether a key of <c>config.json</c> is about experts.</summary>
    /// <param name="key">The key.</param>
    public bool ReadsKey(string key) => CountKey is not null && (key == CountKey || key == WidthKey || key switch
    {
        "num_experts_per_tok" or "output_router_logits" or "router_aux_loss_coef" or "router_jitter_noise" => true,
        "norm_topk_prob" => CountKey == "num_experts" || FilesDecide,
        "decoder_sparse_step" or "mlp_only_layers" => WidthKey == "moe_intermediate_size" && !FilesDecide,
        "shared_expert_intermediate_size" => HasSharedRouter,
        "n_shared_experts" or "first_k_dense_replace" or "n_group" or "topk_group" or "routed_scaling_factor" or "scoring_func"
            or "topk_method" or "moe_layer_freq" or "aux_loss_alpha" or "seq_aux" or "ep_size" or "num_nextn_predict_layers" => FilesDecide,
        "experts_per_token" or "swiglu_limit" or "initial_context_length" => ClampsGate,
        _ => false,
    });
}
