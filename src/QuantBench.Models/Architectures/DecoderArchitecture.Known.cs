using System.Collections.Frozen;
using System.Collections.Immutable;

namespace QuantBench.Models.Architectures;

/// <content>The table.</content>
public sealed partial record DecoderArchitecture
{
    /// <summary>
    /// All that are known. llama.cpp ignores sliding windows of llama and phi3 files, and so do the engines here: figures would not be
    /// comparable otherwise. <c>mistral</c> is what a Mistral directory is, whose windows count; a GGUF file of it is a <c>llama</c>.
    /// </summary>
    public static ImmutableArray<DecoderArchitecture> Known { get; } =
    [
        new()
        {
            Name = "llama", HuggingFaceClass = "LlamaForCausalLM", RotatesNeighbours = true, Settings = Words("activation=swiglu"),
            Experts = ExpertTraits.Optional,
        },
        new()
        {
            Name = "mistral3", ModelType = "ministral3", HuggingFaceClass = "Ministral3ForCausalLM", RotatesNeighbours = true,
            WrapperClass = "Mistral3ForConditionalGeneration", HasTemperature = true,
        },
        new()
        {
            Name = "mixtral", Gguf = "llama", HuggingFaceClass = "MixtralForCausalLM", RotatesNeighbours = true,
            Window = SlidingWindow.EveryLayer, Experts = ExpertTraits.Mixtral,
        },
        new()
        {
            Name = "mistral", Gguf = "llama", HuggingFaceClass = "MistralForCausalLM", RotatesNeighbours = true,
            Window = SlidingWindow.EveryLayer,
        },
        new()
        {
            Name = "smollm3", HuggingFaceClass = "SmolLM3ForCausalLM", RotatesNeighbours = true,
            NoRopeInterval = 4, TiesByDefault = true, Window = SlidingWindow.WhenSwitchedOn,
        },
        new()
        {
            Name = "granite", HuggingFaceClass = "GraniteForCausalLM", RotatesNeighbours = true,
            HasMultipliers = true,
        },
        new()
        {
            Name = "granitemoe", HuggingFaceClass = "GraniteMoeForCausalLM", RotatesNeighbours = true, HasMultipliers = true,
            Experts = ExpertTraits.Granite,
        },
        new()
        {
            Name = "olmo2", HuggingFaceClass = "Olmo2ForCausalLM", HasProjectionNorms = true, OmitsPreNorms = true, HasPostNorms = true,
            Window = SlidingWindow.Pattern, WindowPattern = 4, WindowIsOptional = true, HasPlainWindowRope = true,
        },
        new()
        {
            Name = "olmo3", Gguf = "olmo2", HuggingFaceClass = "Olmo3ForCausalLM", HasProjectionNorms = true, OmitsPreNorms = true,
            HasPostNorms = true, Window = SlidingWindow.Pattern, WindowPattern = 4, HasPlainWindowRope = true,
        },
        new()
        {
            Name = "qwen2", HuggingFaceClass = "Qwen2ForCausalLM", HasProjectionBiases = true, Window = SlidingWindow.WhenSwitchedOn,
        },
        new()
        {
            Name = "qwen3", HuggingFaceClass = "Qwen3ForCausalLM", HasHeadNorms = true,
            Window = SlidingWindow.WhenSwitchedOn,
        },
        new()
        {
            Name = "qwen2moe", ModelType = "qwen2_moe", HuggingFaceClass = "Qwen2MoeForCausalLM", HasProjectionBiases = true,
            Window = SlidingWindow.WhenSwitchedOn, Experts = ExpertTraits.Qwen2,
        },
        new()
        {
            Name = "qwen3moe", ModelType = "qwen3_moe", HuggingFaceClass = "Qwen3MoeForCausalLM", HasHeadNorms = true,
            Window = SlidingWindow.WhenSwitchedOn, Experts = ExpertTraits.Qwen3,
        },
        new()
        {
            Name = "olmoe", HuggingFaceClass = "OlmoeForCausalLM", HasProjectionNorms = true, Experts = ExpertTraits.Olmoe,
        },
        new()
        {
            Name = "gpt-oss", ModelType = "gpt_oss", HuggingFaceClass = "GptOssForCausalLM", HasProjectionBiases = true,
            HasOutputBias = true, HasSinks = true, NamesPreNormPost = true, DefaultRopeBase = 150_000, Window = SlidingWindow.Pattern,
            WindowPattern = 2, DefaultWindow = 128, Experts = ExpertTraits.GptOss,
        },
        new()
        {
            Name = "deepseek2", ModelType = "deepseek_v3", HuggingFaceClass = "DeepseekV3ForCausalLM", RotatesNeighbours = true,
            KeepsRowOrder = true, HasLatentAttention = true, Experts = ExpertTraits.DeepSeek3,
            Settings = Words("scoring_func=sigmoid topk_method=noaux_tc moe_layer_freq=1 rope_interleave=true"),
        },
        new()
        {
            Name = "deepseek-v2", Gguf = "deepseek2", ModelType = "deepseek_v2", HuggingFaceClass = "DeepseekV2ForCausalLM",
            RotatesNeighbours = true, KeepsRowOrder = true, HasLatentAttention = true, Experts = ExpertTraits.DeepSeek2,
            Settings = Words("scoring_func=softmax moe_layer_freq=1 norm_topk_prob=false"),
        },
        new()
        {
            Name = "phi3", HuggingFaceClass = "Phi3ForCausalLM", FusesProjections = true, RotatesPart = true, HasLongRope = true,
            Window = SlidingWindow.Ignored, Settings = Words("interpolate_factor=1 full_attn_mod=1"),
        },
        new()
        {
            Name = "gemma", HuggingFaceClass = "GemmaForCausalLM", NormOffset = 1, ScalesEmbeddings = true, Gelu = true,
            TiesByDefault = true,
        },
        new()
        {
            Name = "gemma2", HuggingFaceClass = "Gemma2ForCausalLM", NormOffset = 1, ScalesEmbeddings = true, Gelu = true,
            TiesByDefault = true, HasPostNorms = true, AttentionSoftCap = 50, LogitSoftCap = 30, WideQueryLayers = 46,
            Window = SlidingWindow.Pattern, WindowPattern = 2, DefaultWindow = 4096,
        },
        new()
        {
            Name = "gemma3", ModelType = "gemma3_text", HuggingFaceClass = "Gemma3ForCausalLM",
            WrapperClass = "Gemma3ForConditionalGeneration",
            WrapperDefaults = """
                { "vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "head_dim": 256,
                  "num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 131072, "rms_norm_eps": 1e-6,
                  "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0, "query_pre_attn_scalar": 256, "sliding_window": 4096 }
                """,
            NormOffset = 1, ScalesEmbeddings = true, Gelu = true, TiesByDefault = true, HasHeadNorms = true, HasPostNorms = true,
            WideQueryLayers = 62, DefaultRopeBase = 1_000_000, LocalRopeBase = 10_000, Window = SlidingWindow.Pattern, WindowPattern = 6,
        },
        new()
        {
            Name = "glm4", HuggingFaceClass = "Glm4ForCausalLM", RotatesNeighbours = true, KeepsRowOrder = true, RotatesPart = true,
            RotatedShare = 0.5, HasProjectionBiases = true, HasPostNorms = true, FusesGate = true,
            ModulePaths = Paths("PostAttentionNorm=post_self_attn_layernorm FeedForwardNorm=post_attention_layernorm"
                + " PostFeedForwardNorm=post_mlp_layernorm"),
        },
        new()
        {
            Name = "command-r", ModelType = "cohere", HuggingFaceClass = "CohereForCausalLM", RotatesNeighbours = true,
            KeepsRowOrder = true, HasLayerNorms = true, IsParallel = true, LogitFactor = 0.0625f, TiesByDefault = true,
            ConfigKeys = Words("rms_norm_eps=layer_norm_eps"),
        },
        new()
        {
            Name = "cohere2", HuggingFaceClass = "Cohere2ForCausalLM", RotatesNeighbours = true, KeepsRowOrder = true,
            HasLayerNorms = true, IsParallel = true, LogitFactor = 0.0625f, TiesByDefault = true, RotatesWindowedOnly = true,
            Window = SlidingWindow.Pattern, WindowPattern = 4, ConfigKeys = Words("rms_norm_eps=layer_norm_eps"),
            Settings = Words("rotary_pct=1 layer_switch=4 order_of_interleaved_layers=local_attn_first position_embedding_type=rope_gptj"
                + " use_embedding_sharing=true use_gated_activation=true use_parallel_block=true"),
        },
        new()
        {
            Name = "starcoder2", HuggingFaceClass = "Starcoder2ForCausalLM", HasLayerNorms = true, HasNormBiases = true,
            HasAllBiases = true, Gelu = true, OmitsGate = true, TiesByDefault = true, Window = SlidingWindow.Ignored,
            ConfigKeys = Words("rms_norm_eps=norm_epsilon"), Settings = Words("norm_type=layer_norm mlp_type=default"),
            ModulePaths = Paths("Up=mlp.c_fc Down=mlp.c_proj"),
        },
        new()
        {
            Name = "nemotron", HuggingFaceClass = "NemotronForCausalLM", RotatesPart = true, RotatedShare = 0.5, NormOffset = 1,
            HasLayerNorms = true, HasNormBiases = true, SquaresRelu = true, OmitsGate = true,
            ConfigKeys = Words("rms_norm_eps=norm_eps"),
        },
        new()
        {
            Name = "exaone", HuggingFaceClass = "ExaoneForCausalLM", LayerPath = "transformer.h",
            ConfigKeys = Words("num_hidden_layers=num_layers rms_norm_eps=layer_norm_epsilon hidden_act=activation_function"),
            ModulePaths = Paths("Embedding=transformer.wte FinalNorm=transformer.ln_f AttentionNorm=ln_1 FeedForwardNorm=ln_2"
                + " Query=attn.attention.q_proj Key=attn.attention.k_proj Value=attn.attention.v_proj"
                + " AttentionOutput=attn.attention.out_proj Gate=mlp.c_fc_0 Up=mlp.c_fc_1 Down=mlp.c_proj"),
        },
        new()
        {
            Name = "exaone4", HuggingFaceClass = "Exaone4ForCausalLM", HasHeadNorms = true, OmitsPreNorms = true, HasPostNorms = true,
            RotatesWindowedOnly = true, Window = SlidingWindow.Pattern, WindowPattern = 4, WindowIsOptional = true, WindowLayers = 64,
            DefaultWindow = 4096,
        },
    ];

    private static readonly FrozenDictionary<string, DecoderArchitecture> s_byName =
        Known.ToFrozenDictionary(architecture => architecture.Name, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, DecoderArchitecture> s_byClass =
        Known.SelectMany(architecture => (string?[])[architecture.HuggingFaceClass, architecture.WrapperClass],
                (architecture, name) => (architecture, name))
            .Where(entry => entry.name is not null)
            .ToFrozenDictionary(entry => entry.name ?? "", entry => entry.architecture, StringComparer.Ordinal);

    /// <summary>The names, in order and joined, for messages.</summary>
    public static string Names { get; } = string.Join(", ", s_byName.Keys.Order(StringComparer.Ordinal));

    /// <summary>The class names of <c>config.json</c>, in order and joined, for messages.</summary>
    public static string Classes { get; } = string.Join(", ", s_byClass.Keys.Order(StringComparer.Ordinal));

    /// <summary>The architecture of a name, or null.</summary>
    /// <param name="name">GGUF's, or <c>mistral</c>.</param>
    public static DecoderArchitecture? Find(string name) => s_byName.GetValueOrDefault(name);

    private static ImmutableDictionary<string, string> Words(string text) =>
        text.Split(' ').Select(pair => pair.Split('=')).ToImmutableDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    private static ImmutableDictionary<DecoderRole, string> Paths(string text) =>
        Words(text).ToImmutableDictionary(pair => Enum.Parse<DecoderRole>(pair.Key), pair => pair.Value);

    /// <summary>The architecture of a class name in <c>config.json</c>, or null.</summary>
    /// <param name="name">The first of <c>architectures</c>.</param>
    public static DecoderArchitecture? FindClass(string name) => s_byClass.GetValueOrDefault(name);
}
