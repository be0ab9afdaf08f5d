using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;

namespace QuantBench.Models.Architectures;

/// <summary>A matrix or norm of a decoder: the one place that knows how files call it.</summary>
/// <param name="Role">What it does.</param>
/// <param name="Gguf">Name in GGUF without <c>.weight</c>.</param>
/// <param name="HuggingFace">Path of the module in Hugging Face files, without <c>.weight</c>.</param>
/// <param name="Layer">Its layer; 0 outside of layers.</param>
/// <param name="Rows">Output features; 1 for a norm.</param>
/// <param name="Columns">Input features, or a norm's length.</param>
/// <param name="PermutedHeads">Heads whose rows GGUF has in another order; 0 = none.</param>
/// <param name="Experts">Number of matrices of this shape, which are one tensor in GGUF and where the path has a <c>*</c> one each in
/// Hugging Face files; 0 = it is a single one.</param>
public sealed record DecoderModule(
    DecoderRole Role, string Gguf, string HuggingFace, int Layer, long Rows, long Columns, int PermutedHeads = 0, int Experts = 0)
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
            [DecoderRole.Sinks] = ("attn_sinks", "self_attn.sinks"),
            [DecoderRole.Router] = ("ffn_gate_inp", "mlp.gate"),
            [DecoderRole.GateExperts] = ("ffn_gate_exps", "mlp.experts.*.gate_proj"),
            [DecoderRole.UpExperts] = ("ffn_up_exps", "mlp.experts.*.up_proj"),
            [DecoderRole.DownExperts] = ("ffn_down_exps", "mlp.experts.*.down_proj"),
            [DecoderRole.SharedRouter] = ("ffn_gate_inp_shexp", "mlp.shared_expert_gate"),
            [DecoderRole.SharedGate] = ("ffn_gate_shexp", "mlp.shared_expert.gate_proj"),
            [DecoderRole.SharedUp] = ("ffn_up_shexp", "mlp.shared_expert.up_proj"),
            [DecoderRole.SharedDown] = ("ffn_down_shexp", "mlp.shared_expert.down_proj"),
            [DecoderRole.RouterBias] = ("exp_probs_b", "mlp.gate.e_score_correction_bias"),
            [DecoderRole.QueryDown] = ("attn_q_a", "self_attn.q_a_proj"),
            [DecoderRole.QueryDownNorm] = ("attn_q_a_norm", "self_attn.q_a_layernorm"),
            [DecoderRole.QueryUp] = ("attn_q_b", "self_attn.q_b_proj"),
            [DecoderRole.KeyValueDown] = ("attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa"),
            [DecoderRole.KeyValueNorm] = ("attn_kv_a_norm", "self_attn.kv_a_layernorm"),
            [DecoderRole.KeyValueUp] = ("attn_kv_b", "self_attn.kv_b_proj"),
            [DecoderRole.KeyUp] = ("attn_k_b", "self_attn.k_b_proj"),
            [DecoderRole.ValueUp] = ("attn_v_b", "self_attn.v_b_proj"),
        }.ToFrozenDictionary();

    /// <summary>Whether it is a single vector of numbers: a norm's weights, the heads' sinks, or what is added to ratings.</summary>
    public bool IsNorm => Role is DecoderRole.Sinks or DecoderRole.RouterBias or DecoderRole.QueryDownNorm or DecoderRole.KeyValueNorm
        or DecoderRole.FinalNorm or DecoderRole.AttentionNorm or DecoderRole.QueryNorm
        or DecoderRole.KeyNorm
        or DecoderRole.PostAttentionNorm or DecoderRole.FeedForwardNorm or DecoderRole.PostFeedForwardNorm;

    /// <summary>Whether it chooses among experts: never quantized, as a few weights decide much.</summary>
    public bool IsRouter => Role is DecoderRole.Router or DecoderRole.SharedRouter;

    /// <summary>Paths of its matrices in Hugging Face files: one for each expert where the path has a <c>*</c>.</summary>
    public IEnumerable<string> HuggingFacePaths => !HuggingFace.Contains('*', StringComparison.Ordinal) ? [HuggingFace]
        : Enumerable.Range(0, Experts).Select(PathOf);

    /// <summary>Name of its weights in Hugging Face files; where there are several, of the first.</summary>
    public string WeightName => Role is DecoderRole.Sinks or DecoderRole.RouterBias ? HuggingFace : $"{PathOf(0)}.weight";

    /// <summary>Name of its weights in GGUF.</summary>
    public string GgufTensor => $"{Gguf}.{(Role == DecoderRole.RouterBias ? "bias" : "weight")}";

    /// <summary>Path of all experts' matrices in MLX's files, which have them in one tensor; null = they aren't experts, or lie
    /// otherwise.</summary>
    public string? SwitchPath => HuggingFace.IndexOf(".experts.*.", StringComparison.Ordinal) is var at and >= 0
        ? $"{HuggingFace[..at]}.switch_mlp.{s_names[Role].HuggingFace.Split('.')[^1]}" : null;

    /// <summary>Path of an expert's matrix in Hugging Face files.</summary>
    /// <param name="expert">Its number; not looked at where a path has no <c>*</c>.</param>
    public string PathOf(int expert) =>
        HuggingFace.Replace("*", expert.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

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

        void Add(DecoderRole role, long rows, long columns, int heads = 0, int experts = 0)
        {
            string path = architecture.Experts?.Paths.GetValueOrDefault(role)
                ?? architecture.ModulePaths.GetValueOrDefault(role, UsualPath(role, architecture.HasPostNorms));
            if (role > DecoderRole.FinalNorm) path = $"{architecture.LayerPath}.{layer}.{path}";
            modules.Add(new DecoderModule(role, GgufName(role, layer), path, layer, rows, columns,
                architecture.RotatesNeighbours && !architecture.KeepsRowOrder ? heads : 0, experts));
        }

        void Norm(DecoderRole role, long length) => Add(role, 1, length);

        void AddLatent(LatentSizes latent)
        {
            if (latent.QueryRank > 0)
            {
                Add(DecoderRole.QueryDown, latent.QueryRank, hidden);
                Norm(DecoderRole.QueryDownNorm, latent.QueryRank);
            }

            Add(latent.QueryRank > 0 ? DecoderRole.QueryUp : DecoderRole.Query, (long)sizes.Heads * latent.HeadWidth,
                latent.QueryRank > 0 ? latent.QueryRank : hidden);
            Add(DecoderRole.KeyValueDown, latent.CacheWidth, hidden);
            Norm(DecoderRole.KeyValueNorm, latent.KeyRank);
            Add(DecoderRole.KeyValueUp, (long)sizes.Heads * (latent.PlainWidth + latent.ValueWidth), latent.KeyRank);
        }

        Add(DecoderRole.Embedding, sizes.Vocabulary, hidden);
        for (; layer < sizes.Layers; layer++)
        {
            if (!architecture.OmitsPreNorms) Norm(DecoderRole.AttentionNorm, hidden);
            if (sizes.Latent is { } latent)
            {
                AddLatent(latent);
            }
            else if (architecture.FusesProjections)
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

            Add(DecoderRole.AttentionOutput, hidden, sizes.MixedWidth);
            if (architecture.HasSinks) Norm(DecoderRole.Sinks, sizes.Heads);
            if (architecture.HasPostNorms || architecture.NamesPreNormPost) Norm(DecoderRole.PostAttentionNorm, hidden);
            if (!architecture.OmitsPreNorms && !architecture.IsParallel && !architecture.NamesPreNormPost)
                Norm(DecoderRole.FeedForwardNorm, hidden);
            if (sizes.HasExperts(layer))
            {
                AddExperts();
            }
            else if (architecture.FusesProjections || architecture.FusesGate)
            {
                Add(DecoderRole.GateUp, 2L * sizes.FeedForward, hidden);
            }
            else
            {
                if (!architecture.OmitsGate) Add(DecoderRole.Gate, sizes.FeedForward, hidden);
                Add(DecoderRole.Up, sizes.FeedForward, hidden);
            }

            if (!sizes.HasExperts(layer)) Add(DecoderRole.Down, hidden, sizes.FeedForward);
            if (architecture.HasPostNorms) Norm(DecoderRole.PostFeedForwardNorm, hidden);
        }

        layer = 0;
        Norm(DecoderRole.FinalNorm, hidden);
        if (!sizes.TiesEmbeddings) Add(DecoderRole.Head, sizes.Vocabulary, hidden);
        return modules.ToImmutable();

        void AddExperts()
        {
            int count = sizes.Experts;
            Add(DecoderRole.Router, count, hidden);
            if (architecture.Experts is { HasRouterBias: true }) Norm(DecoderRole.RouterBias, count);
            Add(DecoderRole.GateExperts, sizes.ExpertFeedForward, hidden, experts: count);
            Add(DecoderRole.UpExperts, sizes.ExpertFeedForward, hidden, experts: count);
            Add(DecoderRole.DownExperts, hidden, sizes.ExpertFeedForward, experts: count);
            if (sizes.SharedFeedForward == 0) return;
            if (architecture.Experts is { HasSharedRouter: true }) Add(DecoderRole.SharedRouter, 1, hidden);
            Add(DecoderRole.SharedGate, sizes.SharedFeedForward, hidden);
            Add(DecoderRole.SharedUp, sizes.SharedFeedForward, hidden);
            Add(DecoderRole.SharedDown, hidden, sizes.SharedFeedForward);
        }
    }
}
