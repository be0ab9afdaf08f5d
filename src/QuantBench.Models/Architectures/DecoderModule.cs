using System.Collections.Frozen;
using System.Collections.Immutable;

namespace QuantBench.Models.Architectures;

/// <summary>A matrix or norm of a decoder: the one place that knows how files call it.</summary>
/// <param name="Role">What it does.</param>
/// <param name="Gguf">Name in GGUF without <c>.weight</c>.</param>
/// <param name="HuggingFace">Path of the module in Hugging Face files, without <c>.weight</c>.</param>
/// <param name="Layer">Its layer; 0 outside of layers.</param>
/// <param name="Rows">Output features; 1 for a norm.</param>
/// <param name="Columns">Input features, or a norm's length.</param>
/// <param name="PermutedHeads">Heads whose rows GGUF has in another order; 0 = none.</param>
public sealed record DecoderModule(
    DecoderRole Role, string Gguf, string HuggingFace, int Layer, long Rows, long Columns, int PermutedHeads = 0)
{
    private static readonly FrozenDictionary<DecoderRole, (string Gguf, string HuggingFace)> s_names =
        new Dictionary<DecoderRole, (string, string)>
        {
            [DecoderRole.Embedding] = ("token_embd", "model.embed_tokens"),
            [DecoderRole.Head] = ("output", "lm_head"),
            [DecoderRole.FinalNorm] = ("output_norm", "model.norm"),
            [DecoderRole.AttentionNorm] = ("attn_norm", "input_layernorm"),
            [DecoderRole.Query] = ("attn_q", "self_attn.q_proj"),
            [DecoderRole.Key] = ("attn_k", "self_attn.k_proj"),
            [DecoderRole.Value] = ("attn_v", "self_attn.v_proj"),
            [DecoderRole.QueryKeyValue] = ("attn_qkv", "self_attn.qkv_proj"),
            [DecoderRole.QueryNorm] = ("attn_q_norm", "self_attn.q_norm"),
            [DecoderRole.KeyNorm] = ("attn_k_norm", "self_attn.k_norm"),
            [DecoderRole.AttentionOutput] = ("attn_output", "self_attn.o_proj"),
            [DecoderRole.PostAttentionNorm] = ("post_attention_norm", "post_attention_layernorm"),
            [DecoderRole.FeedForwardNorm] = ("ffn_norm", "pre_feedforward_layernorm"),
            [DecoderRole.Gate] = ("ffn_gate", "mlp.gate_proj"),
            [DecoderRole.Up] = ("ffn_up", "mlp.up_proj"),
            [DecoderRole.GateUp] = ("ffn_up", "mlp.gate_up_proj"),
            [DecoderRole.Down] = ("ffn_down", "mlp.down_proj"),
            [DecoderRole.PostFeedForwardNorm] = ("post_ffw_norm", "post_feedforward_layernorm"),
        }.ToFrozenDictionary();

    /// <summary>Whether it is a norm's vector.</summary>
    public bool IsNorm => Role is DecoderRole.FinalNorm or DecoderRole.AttentionNorm or DecoderRole.QueryNorm or DecoderRole.KeyNorm
        or DecoderRole.PostAttentionNorm or DecoderRole.FeedForwardNorm or DecoderRole.PostFeedForwardNorm;

    /// <summary>Name in GGUF without <c>.weight</c>.</summary>
    /// <param name="role">What it does.</param>
    /// <param name="layer">Its layer; not looked at outside of layers.</param>
    public static string GgufName(DecoderRole role, int layer = 0) =>
        role <= DecoderRole.FinalNorm ? s_names[role].Gguf : $"blk.{layer}.{s_names[role].Gguf}";

    /// <summary>Where most architectures have a module in Hugging Face files; in a layer without the layer's own path.</summary>
    /// <param name="role">What it does.</param>
    /// <param name="hasPostNorms">The same name means the norm behind attention where there is one, and else the norm in front of the
    /// feed-forward part.</param>
    public static string UsualPath(DecoderRole role, bool hasPostNorms) =>
        s_names[role == DecoderRole.FeedForwardNorm && !hasPostNorms ? DecoderRole.PostAttentionNorm : role].HuggingFace;

    /// <summary>All modules of a decoder, in the order that llama.cpp's converter writes them.</summary>
    /// <param name="sizes">The decoder.</param>
    public static ImmutableArray<DecoderModule> Of(DecoderSizes sizes)
    {
        var modules = ImmutableArray.CreateBuilder<DecoderModule>();
        DecoderArchitecture architecture = sizes.Architecture;
        long hidden = sizes.Embedding, queries = (long)sizes.Heads * sizes.HeadWidth, keys = (long)sizes.KvHeads * sizes.HeadWidth;
        int layer = 0;

        void Add(DecoderRole role, long rows, long columns, int heads = 0)
        {
            string path = architecture.ModulePaths.GetValueOrDefault(role, UsualPath(role, architecture.HasPostNorms));
            if (role > DecoderRole.FinalNorm) path = $"{architecture.LayerPath}.{layer}.{path}";
            modules.Add(new DecoderModule(role, GgufName(role, layer), path, layer, rows, columns,
                architecture.RotatesNeighbours && !architecture.KeepsRowOrder ? heads : 0));
        }

        void Norm(DecoderRole role, long length) => Add(role, 1, length);

        Add(DecoderRole.Embedding, sizes.Vocabulary, hidden);
        for (; layer < sizes.Layers; layer++)
        {
            if (!architecture.OmitsPreNorms) Norm(DecoderRole.AttentionNorm, hidden);
            if (architecture.FusesProjections)
            {
                Add(DecoderRole.QueryKeyValue, queries + (2 * keys), hidden);
            }
            else
            {
                Add(DecoderRole.Query, queries, hidden, sizes.Heads);
                Add(DecoderRole.Key, keys, hidden, sizes.KvHeads);
                Add(DecoderRole.Value, keys, hidden);
            }

            if (architecture.HasHeadNorms || architecture.HasProjectionNorms)
            {
                Norm(DecoderRole.QueryNorm, architecture.HasHeadNorms ? sizes.HeadWidth : queries);
                Norm(DecoderRole.KeyNorm, architecture.HasHeadNorms ? sizes.HeadWidth : keys);
            }

            Add(DecoderRole.AttentionOutput, hidden, queries);
            if (architecture.HasPostNorms) Norm(DecoderRole.PostAttentionNorm, hidden);
            if (!architecture.OmitsPreNorms && !architecture.IsParallel) Norm(DecoderRole.FeedForwardNorm, hidden);
            if (architecture.FusesProjections || architecture.FusesGate)
            {
                Add(DecoderRole.GateUp, 2L * sizes.FeedForward, hidden);
            }
            else
            {
                if (!architecture.OmitsGate) Add(DecoderRole.Gate, sizes.FeedForward, hidden);
                Add(DecoderRole.Up, sizes.FeedForward, hidden);
            }

            Add(DecoderRole.Down, hidden, sizes.FeedForward);
            if (architecture.HasPostNorms) Norm(DecoderRole.PostFeedForwardNorm, hidden);
        }

        layer = 0;
        Norm(DecoderRole.FinalNorm, hidden);
        if (!sizes.TiesEmbeddings) Add(DecoderRole.Head, sizes.Vocabulary, hidden);
        return modules.ToImmutable();
    }
}
