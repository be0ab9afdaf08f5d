using System.Collections.Frozen;

namespace QuantBench.Formats.Conversion;

/// <summary>What the class name in <c>config.json</c> decides; a new architecture of the same family is one line of
/// <see cref="Known"/>.</summary>
/// <param name="Gguf">Name in GGUF files.</param>
/// <param name="Native">Name for engines that read the directory itself; it differs where a GGUF file can't say all that the configuration
/// says.</param>
/// <param name="PermutesHeads">Rows of Q and K are reordered for GGUF: llama.cpp rotates neighbours in these models, halves in the
/// others.</param>
/// <param name="NormOffset">Norm weights are stored less this.</param>
/// <param name="FusesProjections">Q, K and V are one matrix, and so are gate and up.</param>
/// <param name="HasHeadNorms">Each query and key head is normalised.</param>
/// <param name="HasPostNorms">What attention and feed-forward give is normalised before it is added.</param>
/// <param name="TiesByDefault">The head is the embedding where the configuration doesn't say.</param>
/// <param name="Window">What a sliding window means.</param>
/// <param name="Gelu">The gate is GELU (tanh form) instead of SiLU.</param>
internal sealed record HuggingFaceArchitecture(
    string Gguf,
    string Native,
    bool PermutesHeads = false,
    float NormOffset = 0,
    bool FusesProjections = false,
    bool HasHeadNorms = false,
    bool HasPostNorms = false,
    bool TiesByDefault = false,
    HuggingFaceWindow Window = HuggingFaceWindow.None,
    bool Gelu = false)
{
    /// <summary>Architectures that are read, by the first of <c>architectures</c>.</summary>
    public static FrozenDictionary<string, HuggingFaceArchitecture> Known { get; } = new Dictionary<string, HuggingFaceArchitecture>
    {
        ["LlamaForCausalLM"] = new("llama", "llama", PermutesHeads: true),
        ["MistralForCausalLM"] = new("llama", "mistral", PermutesHeads: true, Window: HuggingFaceWindow.EveryLayer),
        ["SmolLM3ForCausalLM"] = new("smollm3", "smollm3", PermutesHeads: true, TiesByDefault: true,
            Window: HuggingFaceWindow.WhenSwitchedOn),
        ["Qwen2ForCausalLM"] = new("qwen2", "qwen2", Window: HuggingFaceWindow.WhenSwitchedOn),
        ["Qwen3ForCausalLM"] = new("qwen3", "qwen3", HasHeadNorms: true, Window: HuggingFaceWindow.WhenSwitchedOn),
        ["Phi3ForCausalLM"] = new("phi3", "phi3", FusesProjections: true, Window: HuggingFaceWindow.Ignored),
        ["GemmaForCausalLM"] = new("gemma", "gemma", NormOffset: 1, TiesByDefault: true, Gelu: true),
        ["Gemma2ForCausalLM"] = new("gemma2", "gemma2", NormOffset: 1, HasPostNorms: true, TiesByDefault: true,
            Window: HuggingFaceWindow.EverySecondLayer, Gelu: true),
        ["Gemma3ForCausalLM"] =
            new("gemma3", "gemma3", NormOffset: 1, HasHeadNorms: true, HasPostNorms: true, TiesByDefault: true,
                Window: HuggingFaceWindow.AllButEverySixthLayer, Gelu: true),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Whether <c>hidden_act</c> names what this architecture computes.</summary>
    public bool Accepts(string activation) => Gelu ? activation is "gelu" or "gelu_pytorch_tanh" : activation == "silu";

    /// <summary>Layers per group of which all but the last see only the window; 0 = all of them.</summary>
    public int WindowPattern => Window switch
    {
        HuggingFaceWindow.EverySecondLayer => 2,
        HuggingFaceWindow.AllButEverySixthLayer => 6,
        _ => 0,
    };
}

/// <summary>Which layers <c>sliding_window</c> is for.</summary>
internal enum HuggingFaceWindow
{
    /// <summary>The architecture has none.</summary>
    None,

    /// <summary>All.</summary>
    EveryLayer,

    /// <summary>The even ones.</summary>
    EverySecondLayer,

    /// <summary>Five of six.</summary>
    AllButEverySixthLayer,

    /// <summary>The upper ones, and only with <c>use_sliding_window</c>, which no engine here computes.</summary>
    WhenSwitchedOn,

    /// <summary>All by the paper, none by llama.cpp, whose figures others are compared with.</summary>
    Ignored,
}
