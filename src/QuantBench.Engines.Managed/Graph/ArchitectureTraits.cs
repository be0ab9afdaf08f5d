using System.Collections.Frozen;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>What an architecture's name decides. Everything else is read from metadata and from which tensors are there.</summary>
/// <param name="NeoxRope">RoPE turns the pairs (i, i + n/2) instead of (2i, 2i + 1).</param>
/// <param name="Gelu">The feed-forward gate is GELU (tanh form) instead of SiLU.</param>
/// <param name="ScaledEmbeddings">Embeddings are multiplied by the square root of their length.</param>
/// <param name="WindowPattern">Layers per group of which all but the last see only the sliding window; 0 = all do, null = the window isn't
/// used.</param>
/// <param name="DefaultWindow">Sliding window where metadata doesn't give one; 0 = none.</param>
/// <param name="LocalRopeBase">RoPE base of windowed layers where metadata doesn't give one; 0 = the model's base.</param>
/// <param name="NoRopeInterval">Layers per group of which the last isn't rotated; 0 = all are.</param>
/// <param name="WideQueryLayers">Layer count of the one size whose queries are scaled by the embedding's share per head; 0 = none.</param>
internal sealed record ArchitectureTraits(
    bool NeoxRope,
    bool Gelu = false,
    bool ScaledEmbeddings = false,
    int? WindowPattern = null,
    int DefaultWindow = 0,
    float LocalRopeBase = 0,
    int NoRopeInterval = 0,
    int WideQueryLayers = 0)
{
    /// <summary>
    /// Architectures that can be run. llama.cpp ignores sliding windows of llama and phi3 files, and so does this engine: figures of the
    /// two would not be comparable otherwise. <c>mistral</c> is what a Mistral directory is, whose windows count; a GGUF file of it is a
    /// <c>llama</c>.
    /// </summary>
    public static FrozenDictionary<string, ArchitectureTraits> Known { get; } = new Dictionary<string, ArchitectureTraits>
    {
        ["llama"] = new(NeoxRope: false),
        ["mistral"] = new(NeoxRope: false, WindowPattern: 0),
        ["smollm3"] = new(NeoxRope: false, NoRopeInterval: 4),
        ["qwen2"] = new(NeoxRope: true),
        ["qwen3"] = new(NeoxRope: true),
        ["phi3"] = new(NeoxRope: true),
        ["gemma"] = new(NeoxRope: true, Gelu: true, ScaledEmbeddings: true),
        ["gemma2"] = new(NeoxRope: true, Gelu: true, ScaledEmbeddings: true, WindowPattern: 2, DefaultWindow: 4096, WideQueryLayers: 46),
        ["gemma3"] = new(NeoxRope: true, Gelu: true, ScaledEmbeddings: true, WindowPattern: 6, LocalRopeBase: 10_000, WideQueryLayers: 62),
    }.ToFrozenDictionary(StringComparer.Ordinal);
}
