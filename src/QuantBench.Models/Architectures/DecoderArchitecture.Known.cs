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
            Name = "llama", HuggingFaceClass = "LlamaForCausalLM", RotatesNeighbours = true, Experts = ExpertTraits.Optional,
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
            Name = "olmo2", HuggingFaceClass = "Olmo2ForCausalLM", HasProjectionNorms = true, OmitsPreNorms = true, HasPostNorms = true,
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
            Name = "phi3", HuggingFaceClass = "Phi3ForCausalLM", FusesProjections = true, RotatesPart = true,
            Window = SlidingWindow.Ignored,
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
            Name = "gemma3", ModelType = "gemma3_text", HuggingFaceClass = "Gemma3ForCausalLM", NormOffset = 1, ScalesEmbeddings = true,
            Gelu = true, TiesByDefault = true, HasHeadNorms = true, HasPostNorms = true, WideQueryLayers = 62,
            DefaultRopeBase = 1_000_000, LocalRopeBase = 10_000, Window = SlidingWindow.Pattern, WindowPattern = 6,
        },
    ];

    private static readonly FrozenDictionary<string, DecoderArchitecture> s_byName =
        Known.ToFrozenDictionary(architecture => architecture.Name, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, DecoderArchitecture> s_byClass =
        Known.ToFrozenDictionary(architecture => architecture.HuggingFaceClass, StringComparer.Ordinal);

    /// <summary>The names, in order and joined, for messages.</summary>
    public static string Names { get; } = string.Join(", ", s_byName.Keys.Order(StringComparer.Ordinal));

    /// <summary>The class names of <c>config.json</c>, in order and joined, for messages.</summary>
    public static string Classes { get; } = string.Join(", ", s_byClass.Keys.Order(StringComparer.Ordinal));

    /// <summary>The architecture of a name, or null.</summary>
    /// <param name="name">GGUF's, or <c>mistral</c>.</param>
    public static DecoderArchitecture? Find(string name) => s_byName.GetValueOrDefault(name);

    /// <summary>The architecture of a class name in <c>config.json</c>, or null.</summary>
    /// <param name="name">The first of <c>architectures</c>.</param>
    public static DecoderArchitecture? FindClass(string name) => s_byClass.GetValueOrDefault(name);
}
