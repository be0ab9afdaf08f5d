using System.Collections.Frozen;
using System.Collections.Immutable;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Decoders;

/// <summary>Names of a decoder's matrices and vectors, whatever file they come from.</summary>
public static class DecoderModules
{
    /// <summary>The embedding, [vocabulary, hidden].</summary>
    public const string Embedding = "embed_tokens";

    /// <summary>The output head, [vocabulary, hidden]; absent when embeddings are tied.</summary>
    public const string Head = "lm_head";

    /// <summary>Weights of the norm before the head.</summary>
    public const string FinalNorm = "norm";

    /// <summary>A part of a layer: <c>q_proj</c>, <c>k_proj</c>, <c>v_proj</c>, <c>o_proj</c>, <c>gate_proj</c>, <c>up_proj</c>,
    /// <c>down_proj</c>,
    /// <c>input_layernorm</c>, <c>post_attention_layernorm</c>, <c>q_norm</c>, <c>k_norm</c>; <c>gate</c>, <c>experts.*.up_proj</c>,
    /// <c>shared_expert.up_proj</c> and their like.</summary>
    /// <param name="layer">Its number.</param>
    /// <param name="part">Which part.</param>
    public static string InLayer(int layer, string part) => $"layers.{layer}.{part}";

    /// <summary>Names of all matrices: those of layers in order, then embedding and head.</summary>
    /// <param name="sizes">The decoder.</param>
    public static ImmutableArray<string> Matrices(DecoderSizes sizes) =>
        [.. DecoderModule.Of(sizes).Where(module => !module.IsNorm).OrderBy(module => module.Role <= DecoderRole.FinalNorm)
            .Select(module => NameOf(module, sizes))];

    /// <summary>A decoder's modules by these names, which are most architectures' paths in Hugging Face files without the part of the
    /// layer.</summary>
    internal static FrozenDictionary<string, DecoderModule> Of(DecoderSizes sizes) => DecoderModule.Of(sizes).ToFrozenDictionary(
        module => NameOf(module, sizes), StringComparer.Ordinal);

    private static string NameOf(DecoderModule module, DecoderSizes sizes)
    {
        string path = DecoderModule.UsualPath(module.Role, sizes.Architecture.HasPostNorms);
        return module.Role > DecoderRole.FinalNorm ? InLayer(module.Layer, path[(path.IndexOf('.', StringComparison.Ordinal) + 1)..])
            : path.Split('.')[^1];
    }
}
