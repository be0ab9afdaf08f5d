namespace QuantBench.Models.Tests.Conversion;

/// <summary>What <c>config.json</c> of released models holds, one of each family: the keys that such files carry, with their
/// figures.</summary>
internal static class PublicConfigurations
{
    // In all of them, so that the table below has only what differs.
    private const string Usual = """
        "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.02, "torch_dtype": "bfloat16", "transformers_version": "4.50.0",
        "use_cache": true, "attention_dropout": 0.0, "attention_bias": false
        """;

    private const string Rms = """ "hidden_act": "silu", "rms_norm_eps": 1e-06 """;

    /// <summary>Family and file.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = new Dictionary<string, string>
    {
        ["llama-3.2-1b"] = Of("LlamaForCausalLM", "llama", 16, 2048, 8192, 32, 8, 128_256, 131_072, Rms, """
            "head_dim": 64, "mlp_bias": false, "pretraining_tp": 1, "rope_theta": 500000.0, "tie_word_embeddings": true,
            "rope_scaling": { "factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
              "rope_type": "llama3" }
            """),
        ["falcon3-7b"] = Of("LlamaForCausalLM", "llama", 28, 3072, 23_040, 12, 4, 131_072, 32_768, Rms, """
            "activation": "swiglu", "head_dim": 256, "mlp_bias": false, "pretraining_tp": 1, "rope_theta": 1000042, "rope_scaling": null,
            "tie_word_embeddings": false
            """),
        ["mistral-nemo-12b"] = Of("MistralForCausalLM", "mistral", 40, 5120, 14_336, 32, 8, 131_072, 131_072, Rms, """
            "head_dim": 128, "rope_theta": 1000000.0, "sliding_window": null, "tie_word_embeddings": false
            """),
        ["ministral-3-3b"] = Of("Ministral3ForCausalLM", "ministral3", 26, 3072, 9216, 32, 8, 131_072, 262_144, Rms, """
            "head_dim": 128, "sliding_window": null, "tie_word_embeddings": true,
            "rope_parameters": { "beta_fast": 32.0, "beta_slow": 1.0, "factor": 16.0, "llama_4_scaling_beta": 0.1, "mscale": 1.0,
              "mscale_all_dim": 1.0, "original_max_position_embeddings": 16384, "rope_theta": 1000000.0, "rope_type": "yarn",
              "type": "yarn" }
            """),
        ["mixtral-8x7b"] = Of("MixtralForCausalLM", "mixtral", 32, 4096, 14_336, 32, 8, 32_000, 32_768, Rms, """
            "num_experts_per_tok": 2, "num_local_experts": 8, "output_router_logits": false, "router_aux_loss_coef": 0.02,
            "rope_theta": 1000000.0, "sliding_window": null, "tie_word_embeddings": false
            """),
        ["smollm3-3b"] = Of("SmolLM3ForCausalLM", "smollm3", 8, 2048, 11_008, 16, 4, 128_256, 65_536, Rms, """
            "mlp_bias": false, "max_window_layers": 28, "no_rope_layer_interval": 4, "no_rope_layers": [1, 1, 1, 0, 1, 1, 1, 0],
            "layer_types": ["full_attention", "full_attention", "full_attention", "full_attention", "full_attention", "full_attention",
              "full_attention", "full_attention"],
            "pad_token_id": 128004, "pretraining_tp": 2, "rope_scaling": null, "rope_theta": 5000000.0, "sliding_window": null,
            "use_sliding_window": false
            """),
        ["granite-3.1-2b"] = Of("GraniteForCausalLM", "granite", 40, 2048, 8192, 32, 8, 49_155, 131_072, Rms, """
            "attention_multiplier": 0.015625, "embedding_multiplier": 12.0, "logits_scaling": 8.0, "mlp_bias": false, "pad_token_id": 0,
            "residual_multiplier": 0.22, "rope_scaling": null, "rope_theta": 5000000.0, "tie_word_embeddings": true
            """),
        ["olmo-2-1b"] = Of("Olmo2ForCausalLM", "olmo2", 16, 2048, 8192, 16, 16, 100_352, 4096, Rms, """
            "pad_token_id": 100277, "rope_scaling": null, "rope_theta": 500000, "tie_word_embeddings": false
            """),
        ["olmo-3-7b"] = Of("Olmo3ForCausalLM", "olmo3", 4, 4096, 11_008, 32, 32, 100_278, 65_536, Rms, """
            "layer_types": ["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"], "pad_token_id": 100277,
            "rope_scaling": { "attention_factor": 1.2079441541679836, "beta_fast": 32.0, "beta_slow": 1.0, "factor": 8.0,
              "original_max_position_embeddings": 8192, "rope_type": "yarn" },
            "rope_theta": 500000, "sliding_window": 4096, "tie_word_embeddings": false
            """),
        ["qwen2.5-0.5b"] = Of("Qwen2ForCausalLM", "qwen2", 24, 896, 4864, 14, 2, 151_936, 32_768, Rms, """
            "max_window_layers": 24, "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": true, "use_mrope": false,
            "use_sliding_window": false
            """),
        ["qwen3-0.6b"] = Of("Qwen3ForCausalLM", "qwen3", 28, 1024, 3072, 16, 8, 151_936, 40_960, Rms, """
            "head_dim": 128, "max_window_layers": 28, "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null,
            "tie_word_embeddings": true, "use_sliding_window": false
            """),
        ["qwen1.5-moe-a2.7b"] = Of("Qwen2MoeForCausalLM", "qwen2_moe", 24, 2048, 5632, 16, 16, 151_936, 8192, Rms, """
            "decoder_sparse_step": 1, "max_window_layers": 21, "moe_intermediate_size": 1408, "norm_topk_prob": false, "num_experts": 60,
            "num_experts_per_tok": 4, "output_router_logits": false, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.001,
            "shared_expert_intermediate_size": 5632, "sliding_window": 32768, "tie_word_embeddings": false, "use_sliding_window": false
            """),
        ["qwen3-30b-a3b"] = Of("Qwen3MoeForCausalLM", "qwen3_moe", 48, 2048, 6144, 32, 4, 151_936, 40_960, Rms, """
            "decoder_sparse_step": 1, "head_dim": 128, "max_window_layers": 48, "mlp_only_layers": [], "moe_intermediate_size": 768,
            "norm_topk_prob": true, "num_experts": 128, "num_experts_per_tok": 8, "output_router_logits": false, "rope_scaling": null,
            "rope_theta": 1000000.0, "router_aux_loss_coef": 0.001, "sliding_window": null, "tie_word_embeddings": false,
            "use_sliding_window": false
            """),
        ["olmoe-1b-7b"] = Of("OlmoeForCausalLM", "olmoe", 16, 2048, 1024, 16, 16, 50_304, 4096, Rms, """
            "clip_qkv": null, "norm_topk_prob": false, "num_experts": 64, "num_experts_per_tok": 8, "output_router_logits": false,
            "pad_token_id": 1, "rope_scaling": null, "rope_theta": 10000.0, "router_aux_loss_coef": 0.01, "tie_word_embeddings": false
            """),
        ["gpt-oss-20b"] = Of("GptOssForCausalLM", "gpt_oss", 4, 2880, 2880, 64, 8, 201_088, 131_072, Rms, """
            "experts_per_token": 4, "head_dim": 64, "initial_context_length": 4096,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"], "num_experts_per_tok": 4,
            "num_local_experts": 32, "output_router_logits": false, "pad_token_id": 199999,
            "quantization_config": { "modules_to_not_convert": ["lm_head"], "quant_method": "mxfp4" },
            "rope_scaling": { "beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0, "original_max_position_embeddings": 4096,
              "rope_type": "yarn", "truncate": false },
            "rope_theta": 150000, "router_aux_loss_coef": 0.9, "sliding_window": 128, "swiglu_limit": 7.0, "tie_word_embeddings": false
            """),
        ["phi-3-mini"] = Of("Phi3ForCausalLM", "phi3", 32, 3072, 8192, 32, 32, 32_064, 4096, Rms, """
            "auto_map": { "AutoConfig": "configuration_phi3.Phi3Config" }, "embd_pdrop": 0.0, "original_max_position_embeddings": 4096,
            "pad_token_id": 32000, "resid_pdrop": 0.0, "rope_scaling": null, "rope_theta": 10000.0, "sliding_window": 2047,
            "tie_word_embeddings": false
            """),
        ["phi-4"] = Of("Phi3ForCausalLM", "phi3", 40, 5120, 17_920, 40, 10, 100_352, 16_384, Rms, """
            "embd_pdrop": 0.0, "original_max_position_embeddings": 16384, "pad_token_id": 100349, "resid_pdrop": 0.0, "rope_scaling": null,
            "rope_theta": 250000, "sliding_window": null, "tie_word_embeddings": false
            """),
        ["phi-4-mini"] = Of("Phi3ForCausalLM", "phi3", 32, 3072, 8192, 24, 8, 200_064, 131_072, Rms, $$"""
            "auto_map": { "AutoConfig": "configuration_phi3.Phi3Config" }, "embd_pdrop": 0.0, "full_attn_mod": 1, "interpolate_factor": 1,
            "lm_head_bias": false, "mlp_bias": false, "original_max_position_embeddings": 4096, "pad_token_id": 199999,
            "partial_rotary_factor": 0.75, "resid_pdrop": 0.0,
            "rope_scaling": { "long_factor": [{{Ones(48)}}], "short_factor": [{{Ones(48)}}], "type": "longrope" },
            "rope_theta": 10000.0, "sliding_window": 262144, "tie_word_embeddings": true
            """),
        ["gemma-2b"] = Of("GemmaForCausalLM", "gemma", 18, 2048, 16_384, 8, 1, 256_000, 8192, """
            "hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-06
            """, """
            "head_dim": 256, "pad_token_id": 0, "rope_scaling": null, "rope_theta": 10000.0
            """),
        ["gemma-2-2b"] = Of("Gemma2ForCausalLM", "gemma2", 26, 2304, 9216, 8, 4, 256_000, 8192, """
            "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-06
            """, """
            "attn_logit_softcapping": 50.0, "cache_implementation": "hybrid", "final_logit_softcapping": 30.0, "head_dim": 256,
            "pad_token_id": 0, "query_pre_attn_scalar": 256, "rope_theta": 10000.0, "sliding_window": 4096
            """),
        ["gemma-3-1b"] = Of("Gemma3ForCausalLM", "gemma3_text", 26, 1152, 6912, 4, 1, 262_144, 32_768, """
            "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-06
            """, """
            "attn_logit_softcapping": null, "cache_implementation": "hybrid", "final_logit_softcapping": null, "head_dim": 256,
            "pad_token_id": 0, "query_pre_attn_scalar": 256, "rope_local_base_freq": 10000, "rope_scaling": null, "rope_theta": 1000000,
            "sliding_window": 512, "sliding_window_pattern": 6
            """),
        ["glm-4-9b"] = Of("Glm4ForCausalLM", "glm4", 40, 4096, 13_696, 32, 2, 151_552, 32_768, Rms, """
            "head_dim": 128, "pad_token_id": 151329, "partial_rotary_factor": 0.5, "rope_theta": 10000.0, "tie_word_embeddings": false
            """),
        ["command-r-35b"] = Of("CohereForCausalLM", "cohere", 40, 8192, 22_528, 64, 64, 256_000, 8192, """
            "hidden_act": "silu", "layer_norm_eps": 1e-05
            """, """
            "logit_scale": 0.0625, "model_max_length": 131072, "pad_token_id": 0, "pretraining_tp": 1, "rope_theta": 8000000.0,
            "use_qk_norm": false
            """),
        ["command-r7b"] = Of("Cohere2ForCausalLM", "cohere2", 32, 4096, 14_336, 32, 8, 256_000, 132_096, """
            "hidden_act": "silu", "layer_norm_eps": 1e-05
            """, """
            "cache_implementation": "hybrid", "head_dim": 128, "layer_switch": 4, "logit_scale": 0.25,
            "order_of_interleaved_layers": "local_attn_first", "pad_token_id": 0, "position_embedding_type": "rope_gptj",
            "rope_scaling": null, "rope_theta": 50000, "rotary_pct": 1.0, "sliding_window": 4096, "sliding_window_pattern": 4,
            "use_embedding_sharing": true, "use_gated_activation": true, "use_parallel_block": true, "use_parallel_embedding": false
            """),
        ["starcoder2-3b"] = Of("Starcoder2ForCausalLM", "starcoder2", 30, 3072, 12_288, 24, 2, 49_152, 16_384, """
            "hidden_act": "gelu_pytorch_tanh", "norm_epsilon": 1e-05
            """, """
            "embedding_dropout": 0.1, "mlp_type": "default", "norm_type": "layer_norm", "residual_dropout": 0.1,
            "rope_theta": 999999.4420358813, "sliding_window": 4096, "use_bias": true
            """),
        ["nemotron-mini-4b"] = Of("NemotronForCausalLM", "nemotron", 32, 3072, 9216, 24, 8, 256_000, 4096, """
            "hidden_act": "relu2", "norm_eps": 1e-05
            """, """
            "head_dim": 128, "mlp_bias": false, "partial_rotary_factor": 0.5, "rope_theta": 10000, "tie_word_embeddings": false
            """),
        ["exaone-3.5-2.4b"] = """
            { "architectures": ["ExaoneForCausalLM"], "model_type": "exaone", "activation_function": "silu", "attention_dropout": 0.0,
              "auto_map": { "AutoConfig": "configuration_exaone.ExaoneConfig" }, "bos_token_id": 1, "embed_dropout": 0.0,
              "eos_token_id": 361, "head_dim": 80, "hidden_size": 2560, "initializer_range": 0.02, "intermediate_size": 7168,
              "layer_norm_epsilon": 1e-05, "max_position_embeddings": 32768, "num_attention_heads": 32, "num_key_value_heads": 8,
              "num_layers": 30, "pad_token_id": 0,
              "rope_scaling": { "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
                "rope_type": "llama3" },
              "rope_theta": 1000000, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.43.0",
              "use_cache": true, "vocab_size": 102400 }
            """,
        ["exaone-4.0-1.2b"] = Of("Exaone4ForCausalLM", "exaone4", 30, 2048, 4096, 32, 8, 102_400, 65_536, Rms, """
            "head_dim": 64, "pad_token_id": 0,
            "rope_scaling": { "factor": 16.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
              "rope_type": "llama3" },
            "rope_theta": 1000000, "sliding_window": null, "sliding_window_pattern": null, "tie_word_embeddings": true
            """),
        ["granite-3.1-1b-a400m"] = Of("GraniteMoeForCausalLM", "granitemoe", 24, 1024, 512, 16, 8, 49_155, 131_072, Rms, """
            "attention_multiplier": 0.015625, "embedding_multiplier": 12.0, "logits_scaling": 6.0, "num_experts_per_tok": 8,
            "num_local_experts": 32, "output_router_logits": false, "pad_token_id": 0, "residual_multiplier": 0.22, "rope_scaling": null,
            "rope_theta": 1500000.0, "router_aux_loss_coef": 0.0, "tie_word_embeddings": true
            """),
        ["deepseek-v2-lite"] = Of("DeepseekV2ForCausalLM", "deepseek_v2", 27, 2048, 10_944, 16, 16, 102_400, 163_840, Rms, """
            "auto_map": { "AutoConfig": "configuration_deepseek.DeepseekV2Config" }, "aux_loss_alpha": 0.001, "first_k_dense_replace": 1,
            "kv_lora_rank": 512, "moe_intermediate_size": 1408, "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64,
            "n_shared_experts": 2, "norm_topk_prob": false, "num_experts_per_tok": 6, "pretraining_tp": 1, "q_lora_rank": null,
            "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
            "rope_scaling": { "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707,
              "original_max_position_embeddings": 4096, "type": "yarn" },
            "rope_theta": 10000, "routed_scaling_factor": 1.0, "scoring_func": "softmax", "seq_aux": true, "tie_word_embeddings": false,
            "topk_group": 1, "topk_method": "greedy", "v_head_dim": 128
            """),
        ["deepseek-v3"] = Of("DeepseekV3ForCausalLM", "deepseek_v3", 61, 7168, 18_432, 128, 128, 129_280, 163_840, Rms, """
            "auto_map": { "AutoConfig": "configuration_deepseek.DeepseekV3Config" }, "ep_size": 1, "first_k_dense_replace": 3,
            "kv_lora_rank": 512, "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 8, "n_routed_experts": 256,
            "n_shared_experts": 1, "norm_topk_prob": true, "num_experts_per_tok": 8, "num_nextn_predict_layers": 1, "q_lora_rank": 1536,
            "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
            "quantization_config": { "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
              "weight_block_size": [128, 128] },
            "rope_scaling": { "beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
              "original_max_position_embeddings": 4096, "type": "yarn" },
            "rope_theta": 10000, "routed_scaling_factor": 2.5, "scoring_func": "sigmoid", "tie_word_embeddings": false, "topk_group": 4,
            "topk_method": "noaux_tc", "v_head_dim": 128
            """),
    };

    private static string Ones(int count) => string.Join(", ", Enumerable.Range(0, count).Select(i => $"1.{i:D2}"));

    private static string Of(string architecture, string type, int layers, int hidden, int feedForward, int heads, int kvHeads,
        int vocabulary, int context, string norm, string own) => $$"""
        { "architectures": ["{{architecture}}"], "model_type": "{{type}}", "num_hidden_layers": {{layers}}, "hidden_size": {{hidden}},
          "intermediate_size": {{feedForward}}, "num_attention_heads": {{heads}}, "num_key_value_heads": {{kvHeads}},
          "vocab_size": {{vocabulary}}, "max_position_embeddings": {{context}}, {{Usual}}, {{norm}}, {{own}} }
        """;
}
