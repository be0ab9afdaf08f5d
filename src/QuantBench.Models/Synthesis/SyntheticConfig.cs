using System.Text.Json.Nodes;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Synthesis;

/// <summary><c>config.json</c> of a shape, as its real models have it.</summary>
internal static class SyntheticConfig
{
    /// <summary>Makes it.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="floats">Type of the weights that aren't quantized.</param>
    public static JsonObject Of(SyntheticShape shape, SafetensorsDType floats)
    {
        // Of one GGUF architecture, directories with experts are of another class than those without.
        DecoderArchitecture architecture = shape.Sizes.Architecture;
        if (shape.Experts > 0 && architecture.Experts == ExpertTraits.Optional)
            architecture = DecoderArchitecture.Known.First(known => known.Experts == ExpertTraits.Mixtral);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(architecture.HuggingFaceClass),
            ["model_type"] = architecture.ModelType,
            ["_name_or_path"] = $"{shape.Name} (random weights)",
            [SyntheticMark.ConfigKey] = true,
            ["vocab_size"] = shape.Vocabulary,
            ["hidden_size"] = shape.Embedding,
            ["intermediate_size"] = shape.FeedForward,
            [architecture.ConfigKey("num_hidden_layers")] = shape.Layers,
            ["num_attention_heads"] = shape.Heads,
            ["num_key_value_heads"] = shape.KvHeads,
            ["head_dim"] = shape.EffectiveHeadWidth,
            ["max_position_embeddings"] = shape.ContextLength,
            [architecture.ConfigKey("rms_norm_eps")] = 1e-5,
            ["rope_theta"] = shape.RopeBase,
            ["tie_word_embeddings"] = shape.TiesEmbeddings,
            ["bos_token_id"] = 258,
            ["eos_token_id"] = 259,
            ["torch_dtype"] = floats switch { SafetensorsDType.F32 => "float32", SafetensorsDType.F16 => "float16", _ => "bfloat16" },
            [architecture.Gelu && architecture.ScalesEmbeddings ? "hidden_activation" : architecture.ConfigKey("hidden_act")] =
                architecture.Activation,
        };
        if (shape.Latent is { } latent) AddLatent(config, latent);
        if (shape.RotatedWidth > 0) config["partial_rotary_factor"] = (double)shape.RotatedWidth / shape.EffectiveHeadWidth;
        if (shape.HasRopeFactors)
        {
            config["rope_scaling"] = new JsonObject
            {
                ["rope_type"] = "llama3",
                ["factor"] = 32.0,
                ["low_freq_factor"] = 1.0,
                ["high_freq_factor"] = 4.0,
                ["original_max_position_embeddings"] = 8192,
            };
        }
        else if (shape.RopeScaling is { } scaling)
        {
            var stretch = new JsonObject
            {
                ["rope_type"] = scaling.Type,
                ["factor"] = scaling.Factor,
                ["original_max_position_embeddings"] = (int)(shape.ContextLength / scaling.Factor),
            };
            if (shape.Latent is not null)
                (stretch["mscale"], stretch["mscale_all_dim"]) = (ModelSynthesizer.LatentSharpness, ModelSynthesizer.LatentSharpness);
            config["rope_scaling"] = stretch;
        }

        if (architecture.Experts is { CountKey: { } countKey } experts)
        {
            config[countKey] = shape.Experts;
            config["num_experts_per_tok"] = shape.ExpertsUsed;
            config[experts.WidthKey] = shape.EffectiveExpertWidth;
            if (experts.FilesDecide) AddRouting(config, shape);
            if (experts.HasSharedRouter) config["shared_expert_intermediate_size"] = shape.SharedFeedForward;
            if (countKey == "num_experts") config["norm_topk_prob"] = experts.Weights == ExpertWeights.Normalised;
        }

        shape.Multipliers?.AddTo(config);
        if (architecture.LogitFactor > 0) config["logit_scale"] = (double)architecture.LogitFactor;
        if (architecture.Window != SlidingWindow.Pattern || shape.Window == 0) return config;
        config["sliding_window"] = shape.Window;
        if (architecture.ScalesEmbeddings) config["query_pre_attn_scalar"] = shape.EffectiveHeadWidth;
        if (architecture.AttentionSoftCap > 0) config["attn_logit_softcapping"] = (double)architecture.AttentionSoftCap;
        if (architecture.LogitSoftCap > 0) config["final_logit_softcapping"] = (double)architecture.LogitSoftCap;
        if (architecture.LocalRopeBase == 0) return config;
        config["sliding_window_pattern"] = architecture.WindowPattern;
        config["rope_local_base_freq"] = (double)architecture.LocalRopeBase;
        return config;
    }

    private static void AddLatent(JsonObject config, LatentSizes latent)
    {
        config["head_dim"] = latent.RotatedWidth;
        config["q_lora_rank"] = latent.QueryRank > 0 ? latent.QueryRank : null;
        config["kv_lora_rank"] = latent.KeyRank;
        config["qk_nope_head_dim"] = latent.PlainWidth;
        config["qk_rope_head_dim"] = latent.RotatedWidth;
        config["v_head_dim"] = latent.ValueWidth;
    }

    private static void AddRouting(JsonObject config, SyntheticShape shape)
    {
        ExpertRouting routing = shape.Routing ?? new ExpertRouting(ExpertWeights.Softmax);
        config["n_shared_experts"] = shape.SharedFeedForward / shape.EffectiveExpertWidth;
        config["first_k_dense_replace"] = shape.LeadingDense;
        config["n_group"] = routing.Groups;
        config["topk_group"] = routing.GroupsUsed;
        config["norm_topk_prob"] = routing.Weights == ExpertWeights.Normalised;
        config["routed_scaling_factor"] = (double)routing.Scale;
    }
}
