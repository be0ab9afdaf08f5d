using System.Text.RegularExpressions;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Conversion;

/// <summary>A model's sizes and constants as GGUF metadata, with the keys and in the order of llama.cpp's converter.</summary>
internal static partial class HuggingFaceMetadata
{
    /// <summary>Adds them.</summary>
    /// <param name="metadata">Receives the entries.</param>
    /// <param name="config">The model.</param>
    /// <param name="architecture">What the metadata is for; its name is every key's prefix.</param>
    public static void Add(GgufMetadata metadata, HuggingFaceConfig config, DecoderArchitecture architecture)
    {
        string arch = architecture.Name;
        metadata.Add(GgufConstants.Architecture, arch);
        metadata.Add("general.type", "model");
        // llama.cpp looks for tokens by their names in models that are called so, and fails where they have none.
        metadata.Add(GgufConstants.Name, PhiName().Replace(config.Name, "${phi}_3"));
        if (config.IsSynthetic) metadata.Add(SyntheticMark.Key, true);
        metadata.Add($"{arch}.block_count", (uint)config.Layers);
        metadata.Add($"{arch}.context_length", (uint)config.ContextLength);
        metadata.Add($"{arch}.embedding_length", (uint)config.Embedding);
        metadata.Add($"{arch}.feed_forward_length", (uint)config.FeedForward);
        metadata.Add($"{arch}.attention.head_count", (uint)config.Heads);
        metadata.Add($"{arch}.attention.head_count_kv", (uint)config.KvHeads);
        AddRopeScaling(metadata, config, architecture);
        if (config.Rope.Base is { } ropeBase) metadata.Add($"{arch}.rope.freq_base", (float)ropeBase);
        else if (architecture.DefaultRopeBase is { } usual) metadata.Add($"{arch}.rope.freq_base", usual);
        if (config.Rope.LocalBase is { } localBase) metadata.Add($"{arch}.rope.freq_base_swa", (float)localBase);
        metadata.Add($"{arch}.attention.layer_norm_{(architecture.HasLayerNorms ? "" : "rms_")}epsilon", (float)config.NormEpsilon);
        if (config.Latent is { } latent)
        {
            // Of its cache, which is what engines have heads of; then of the heads that the model was trained with.
            if (latent.QueryRank > 0) metadata.Add($"{arch}.attention.q_lora_rank", (uint)latent.QueryRank);
            metadata.Add($"{arch}.attention.kv_lora_rank", (uint)latent.KeyRank);
            metadata.Add($"{arch}.attention.key_length", (uint)latent.CacheWidth);
            metadata.Add($"{arch}.attention.value_length", (uint)latent.KeyRank);
            metadata.Add($"{arch}.attention.key_length_mla", (uint)latent.HeadWidth);
            metadata.Add($"{arch}.attention.value_length_mla", (uint)latent.ValueWidth);
            metadata.Add($"{arch}.rope.dimension_count", (uint)latent.RotatedWidth);
        }
        else if (config.HasHeadSize)
        {
            metadata.Add($"{arch}.attention.key_length", (uint)config.HeadWidth);
            metadata.Add($"{arch}.attention.value_length", (uint)config.HeadWidth);
        }

        if (config.Experts > 0)
        {
            metadata.Add($"{arch}.expert_count", (uint)config.Experts);
            metadata.Add($"{arch}.expert_used_count", (uint)config.ExpertsUsed);
            if (architecture.Experts is { HasGgufWidth: true })
                metadata.Add($"{arch}.expert_feed_forward_length", (uint)config.ExpertFeedForward);
            if (config.Routing is { } routing) AddRouting(metadata, config, routing, arch);
            else if (config.SharedFeedForward > 0)
                metadata.Add($"{arch}.expert_shared_feed_forward_length", (uint)config.SharedFeedForward);
        }

        if (config.AttentionSoftCap is { } attentionCap) metadata.Add($"{arch}.attn_logit_softcapping", (float)attentionCap);
        if (config.LogitSoftCap is { } logitCap) metadata.Add($"{arch}.final_logit_softcapping", (float)logitCap);

        if (config.LogitScale is { } logitScale) metadata.Add($"{arch}.logit_scale", (float)logitScale);

        // GGUF's llama has no windows; phi3's are written though llama.cpp doesn't use them.
        if (architecture.Window == SlidingWindow.Ignored) metadata.Add($"{arch}.attention.sliding_window", (uint)(config.Window ?? 0));
        else if (config.Window is { } window && architecture.UsesWindow) metadata.Add($"{arch}.attention.sliding_window", (uint)window);
    }

    /// <summary>Adds how experts are chosen and weighed.</summary>
    /// <param name="metadata">Receives the entries.</param>
    /// <param name="sizes">The model; it has experts.</param>
    /// <param name="routing">How.</param>
    /// <param name="arch">Prefix of the keys.</param>
    public static void AddRouting(GgufMetadata metadata, DecoderSizes sizes, ExpertRouting routing, string arch)
    {
        metadata.Add($"{arch}.leading_dense_block_count", (uint)sizes.LeadingDense);
        metadata.Add($"{arch}.expert_shared_count", (uint)(sizes.SharedFeedForward / sizes.ExpertFeedForward));
        metadata.Add($"{arch}.expert_weights_scale", routing.Scale);
        if (routing.Weights == ExpertWeights.Normalised) metadata.Add($"{arch}.expert_weights_norm", true);
        if (routing.Groups > 1)
        {
            metadata.Add($"{arch}.expert_group_count", (uint)routing.Groups);
            metadata.Add($"{arch}.expert_group_used_count", (uint)routing.GroupsUsed);
        }

        metadata.Add($"{arch}.expert_gating_func", routing.IsLogistic ? 2u : 1u);
    }

    [GeneratedRegex("(?<phi>phi)-?3", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex PhiName();

    private static void AddRopeScaling(GgufMetadata metadata, HuggingFaceConfig config, DecoderArchitecture architecture)
    {
        string prefix = $"{architecture.Name}.rope.scaling";
        if (architecture.RotatesPart)
        {
            metadata.Add($"{architecture.Name}.rope.dimension_count", (uint)config.Rope.RotatedSize);
            if (architecture.HasLongRope && config.Rope.OriginalContextLength is { } original)
                metadata.Add($"{prefix}.original_context_length", (uint)original);
        }

        switch (config.Rope.Type)
        {
            case "longrope":
                metadata.Add($"{prefix}.type", "longrope");
                metadata.Add($"{prefix}.attn_factor", (float)config.Rope.LongAttentionFactor(config.ContextLength));
                break;
            case ("linear" or "yarn") and var type:
                metadata.Add($"{prefix}.type", type);
                metadata.Add($"{prefix}.factor", (float)config.Rope.Factor);
                if (type == "yarn" && config.Rope.Source is { } source)
                    AddYarn(metadata, config.Rope, source, prefix, architecture.HasLatentAttention);
                break;
            default:
                break; // llama3's scaling isn't metadata but a tensor of factors.
        }
    }

    private static void AddYarn(GgufMetadata metadata, HuggingFaceRope rope, ModelJson source, string prefix, bool isLatent)
    {
        metadata.Add($"{prefix}.original_context_length", (uint)source.Get("original_max_position_embeddings").AsInt32(1, int.MaxValue));
        if (isLatent) metadata.Add($"{prefix}.yarn_log_multiplier", (float)(0.1 * source.Get("mscale_all_dim").AsDouble()));
        else if ((float)rope.YarnAttentionFactor() is not 1 and var factor) metadata.Add($"{prefix}.attn_factor", factor);
        if (source.Find(HuggingFaceRope.TemperatureKey)?.AsDouble() is { } temperature and not 0)
            metadata.Add($"{prefix.Split('.')[0]}.attention.temperature_scale", (float)temperature);
    }
}
