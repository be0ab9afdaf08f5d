using System.Text.Json.Nodes;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Synthesis;

/// <summary><c>config.json</c> of a shape, as its real models have it.</summary>
internal static class SyntheticConfig
{
    /// <summary>Makes it.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="floats">Type of the weights that aren't quantized.</param>
    public static JsonObject Of(SyntheticShape shape, SafetensorsDType floats)
    {
        (string name, string type) = shape.Architecture switch
        {
            "qwen2" => ("Qwen2ForCausalLM", "qwen2"),
            "qwen3" => ("Qwen3ForCausalLM", "qwen3"),
            "phi3" => ("Phi3ForCausalLM", "phi3"),
            "gemma2" => ("Gemma2ForCausalLM", "gemma2"),
            "gemma3" => ("Gemma3ForCausalLM", "gemma3_text"),
            _ => ("LlamaForCausalLM", "llama"),
        };
        bool gemma = type.StartsWith("gemma", StringComparison.Ordinal);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(name),
            ["model_type"] = type,
            ["_name_or_path"] = $"{shape.Name} (random weights)",
            [SyntheticMark.ConfigKey] = true,
            ["vocab_size"] = shape.Vocabulary,
            ["hidden_size"] = shape.Embedding,
            ["intermediate_size"] = shape.FeedForward,
            ["num_hidden_layers"] = shape.Layers,
            ["num_attention_heads"] = shape.Heads,
            ["num_key_value_heads"] = shape.KvHeads,
            ["head_dim"] = shape.EffectiveHeadWidth,
            ["max_position_embeddings"] = shape.ContextLength,
            ["rms_norm_eps"] = 1e-5,
            ["rope_theta"] = shape.RopeBase,
            ["tie_word_embeddings"] = shape.TiesEmbeddings,
            ["bos_token_id"] = 258,
            ["eos_token_id"] = 259,
            ["torch_dtype"] = floats switch { SafetensorsDType.F32 => "float32", SafetensorsDType.F16 => "float16", _ => "bfloat16" },
            [gemma ? "hidden_activation" : "hidden_act"] = gemma ? "gelu_pytorch_tanh" : "silu",
        };
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
            config["rope_scaling"] = new JsonObject
            {
                ["rope_type"] = scaling.Type,
                ["factor"] = scaling.Factor,
                ["original_max_position_embeddings"] = (int)(shape.ContextLength / scaling.Factor),
            };
        }

        if (!gemma) return config;
        config["sliding_window"] = shape.Window;
        config["query_pre_attn_scalar"] = shape.EffectiveHeadWidth;
        if (type == "gemma2")
        {
            config["attn_logit_softcapping"] = 50.0;
            config["final_logit_softcapping"] = 30.0;
        }
        else
        {
            config["sliding_window_pattern"] = 6;
            config["rope_local_base_freq"] = 10_000.0;
        }

        return config;
    }
}
