using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using QuantBench.TestKit;

namespace QuantBench.Engines.Managed.Tests;

/// <summary>
/// Random models of every architecture in Hugging Face's layout, in F32: tensor names and settings as the models' own files have them,
/// written down apart from the code that reads them.
/// </summary>
internal static class RandomDirectory
{
    public const int Hidden = 128;
    public const int FeedForward = 192;
    public const int Heads = 4;
    public const int KvHeads = 2;
    public const int Layers = 7;
    public const int ExpertFeedForward = 96;
    public const int SharedFeedForward = 160;

    /// <summary>Room for the tokens that llama.cpp looks up by name in phi-3 files.</summary>
    public static int Vocabulary => TinyModel.VocabularySize + 7;

    /// <summary>Writes a model once per test run.</summary>
    /// <param name="name">A case of <see cref="Config"/>.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="change">Changes the configuration; the name must tell it.</param>
    /// <returns>Its directory.</returns>
    public static string Write(string name, int layers = Layers, Action<JsonObject>? change = null)
    {
        string directory = Models.ScratchFile($"hf-{name}-{layers}");
        if (Directory.Exists(directory)) return directory;
        Directory.CreateDirectory(directory);
        JsonObject config = Config(name, layers);
        change?.Invoke(config);
        WriteFiles(directory, config, Tensors(name, config, layers));
        return directory;
    }

    /// <summary>Writes a directory of given tensors in F32.</summary>
    public static void WriteFiles(string directory, JsonObject config, IEnumerable<(string Name, long[] Shape, float[] Values)> tensors)
    {
        var file = new TinySafetensors();
        foreach ((string name, long[] shape, float[] values) in tensors)
        {
            if (IsPacked(name)) file.Tensor(name, "U8", shape, [.. values.Select(value => (byte)value)]);
            else file.Tensor(name, "F32", shape, MemoryMarshal.AsBytes<float>(values));
        }

        WriteFiles(directory, config, file);
    }

    public static void WriteFiles(string directory, JsonObject config, TinySafetensors file)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "config.json"), config.ToJsonString());
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), Tokenizer().ToJsonString());
        File.WriteAllText(Path.Combine(directory, "tokenizer_config.json"),
            """{"add_bos_token":false,"bos_token":"<|endoftext|>","eos_token":"<|endoftext|>"}""");
        File.WriteAllBytes(Path.Combine(directory, "model.safetensors"), file.ToArray());
    }

    /// <summary>Whether a tensor's values are bytes.</summary>
    private static bool IsPacked(string name) =>
        name.EndsWith("_blocks", StringComparison.Ordinal) || name.EndsWith("_scales", StringComparison.Ordinal);

    /// <summary>The tensors of a model.</summary>
    public static IEnumerable<(string Name, long[] Shape, float[] Values)> Tensors(string name, JsonObject config, int layers)
    {
        string architecture = config["architectures"]![0]!.GetValue<string>(); // made below
        bool gemma = architecture.StartsWith("Gemma", StringComparison.Ordinal);
        if (NewerTensors(name, config, layers) is { } newer)
        {
            foreach ((string, long[], float[]) tensor in newer) yield return tensor;
            yield break;
        }

        if (config["kv_lora_rank"] is not null)
        {
            foreach ((string, long[], float[]) tensor in LatentTensors(name, config, layers)) yield return tensor;
            yield break;
        }

        bool olmo = architecture is "Olmo2ForCausalLM" or "Olmo3ForCausalLM";
        bool postNorms = architecture is "Gemma2ForCausalLM" or "Gemma3ForCausalLM";
        bool headNorms = architecture is "Qwen3ForCausalLM" or "Gemma3ForCausalLM" or "Qwen3MoeForCausalLM";
        bool gptOss = architecture == "GptOssForCausalLM", olmoe = architecture == "OlmoeForCausalLM";
        int head = config["head_dim"]?.GetValue<int>() ?? Hidden / Heads;
        int queries = Heads * head, keys = config["num_key_value_heads"]!.GetValue<int>() * head; // all have it
        var random = new Random(name.Length + 17);

        (string, long[], float[]) Matrix(string tensor, int rows, int columns, double scale = 1) =>
            (tensor + ".weight", [rows, columns], Values(random, rows * columns, scale / Math.Sqrt(columns), 0));

        // Gemma's norms are stored less one.
        (string, long[], float[]) Norm(string tensor, int length) =>
            (tensor + ".weight", [length], Values(random, length, 0.1, gemma ? 0 : 1));

        yield return Matrix("model.embed_tokens", Vocabulary, Hidden, gemma ? 1 : 3);
        for (int i = 0; i < layers; i++)
        {
            string p = $"model.layers.{i}.";
            if (!olmo) yield return Norm(p + "input_layernorm", Hidden);
            if (architecture == "Phi3ForCausalLM")
            {
                yield return Matrix(p + "self_attn.qkv_proj", queries + (2 * keys), Hidden, 2);
            }
            else
            {
                yield return Matrix(p + "self_attn.q_proj", queries, Hidden, 2);
                yield return Matrix(p + "self_attn.k_proj", keys, Hidden, 2);
                yield return Matrix(p + "self_attn.v_proj", keys, Hidden);
            }

            if (architecture is "Qwen2ForCausalLM" or "Qwen2MoeForCausalLM" || gptOss)
            {
                yield return (p + "self_attn.q_proj.bias", [queries], Values(random, queries, 0.3, 0));
                yield return (p + "self_attn.k_proj.bias", [keys], Values(random, keys, 0.3, 0));
                yield return (p + "self_attn.v_proj.bias", [keys], Values(random, keys, 0.3, 0));
            }

            if (headNorms)
            {
                yield return Norm(p + "self_attn.q_norm", head);
                yield return Norm(p + "self_attn.k_norm", head);
            }

            if (olmo || olmoe)
            {
                yield return Norm(p + "self_attn.q_norm", queries);
                yield return Norm(p + "self_attn.k_norm", keys);
                if (olmo) yield return Norm(p + "post_feedforward_layernorm", Hidden);
            }

            if (gptOss)
            {
                yield return (p + "self_attn.sinks", [Heads], Values(random, Heads, 1, 0));
                yield return (p + "self_attn.o_proj.bias", [Hidden], Values(random, Hidden, 0.3, 0));
            }

            yield return Matrix(p + "self_attn.o_proj", Hidden, queries);
            yield return Norm(p + "post_attention_layernorm", Hidden);
            if (postNorms)
            {
                yield return Norm(p + "pre_feedforward_layernorm", Hidden);
                yield return Norm(p + "post_feedforward_layernorm", Hidden);
            }

            if (ExpertCount(config) is > 0 and var experts)
            {
                foreach ((string, long[], float[]) tensor in Experts(p, name, architecture, experts)) yield return tensor;
                continue;
            }

            if (architecture == "Phi3ForCausalLM")
            {
                yield return Matrix(p + "mlp.gate_up_proj", 2 * FeedForward, Hidden);
            }
            else
            {
                yield return Matrix(p + "mlp.gate_proj", FeedForward, Hidden);
                yield return Matrix(p + "mlp.up_proj", FeedForward, Hidden);
            }

            yield return Matrix(p + "mlp.down_proj", Hidden, FeedForward);
        }

        yield return Norm("model.norm", Hidden);
        if (config["tie_word_embeddings"]?.GetValue<bool>() == false) yield return Matrix("lm_head", Vocabulary, Hidden, 2);
    }

    /// <summary>The tensors of an architecture whose names or parts are its own: null for others.</summary>
    private static IEnumerable<(string Name, long[] Shape, float[] Values)>? NewerTensors(string name, JsonObject config, int layers)
    {
        const int H = Hidden, F = FeedForward, Q = Heads * (H / Heads), K = KvHeads * (H / Heads);
        string architecture = config["architectures"]![0]!.GetValue<string>(); // made below
        (string Suffix, int Rows, int Columns)[] attention =
            [("self_attn.q_proj", Q, H), ("self_attn.k_proj", K, H), ("self_attn.v_proj", K, H), ("self_attn.o_proj", H, Q)];
        (string Suffix, int Rows, int Columns)[] gated =
            [("mlp.gate_proj", F, H), ("mlp.up_proj", F, H), ("mlp.down_proj", H, F)];
        var (layer, norms, matrices, normBiases, biased, embedding, final) = architecture switch
        {
            "Glm4ForCausalLM" => ("model.layers",
                ["input_layernorm", "post_attention_layernorm", "post_self_attn_layernorm", "post_mlp_layernorm"],
                [.. attention, ("mlp.gate_up_proj", 2 * F, H), ("mlp.down_proj", H, F)], false, 3, "model.embed_tokens", "model.norm"),
            "CohereForCausalLM" or "Cohere2ForCausalLM" => ("model.layers", ["input_layernorm"], [.. attention, .. gated], false, 0,
                "model.embed_tokens", "model.norm"),
            "Starcoder2ForCausalLM" => ("model.layers", ["input_layernorm", "post_attention_layernorm"],
                [.. attention, ("mlp.c_fc", F, H), ("mlp.c_proj", H, F)], true, 6, "model.embed_tokens", "model.norm"),
            "NemotronForCausalLM" => ("model.layers", ["input_layernorm", "post_attention_layernorm"],
                [.. attention, ("mlp.up_proj", F, H), ("mlp.down_proj", H, F)], true, 0, "model.embed_tokens", "model.norm"),
            "ExaoneForCausalLM" => ("transformer.h", ["ln_1", "ln_2"],
                [("attn.attention.q_proj", Q, H), ("attn.attention.k_proj", K, H), ("attn.attention.v_proj", K, H),
                    ("attn.attention.out_proj", H, Q), ("mlp.c_fc_0", F, H), ("mlp.c_fc_1", F, H), ("mlp.c_proj", H, F)], false, 0,
                "transformer.wte", "transformer.ln_f"),
            "Exaone4ForCausalLM" => ("model.layers",
                ["post_attention_layernorm", "post_feedforward_layernorm", "self_attn.q_norm", "self_attn.k_norm"],
                [.. attention, .. gated], false, 0, "model.embed_tokens", "model.norm"),
            _ => default((string, string[], (string, int, int)[], bool, int, string, string)),
        };
        return layer is null ? null : Make();

        IEnumerable<(string, long[], float[])> Make()
        {
            var random = new Random(name.Length + 17);
            (string, long[], float[]) Vector(string tensor, int length, double deviation, double mean) =>
                (tensor, [length], Values(random, length, deviation, mean));

            IEnumerable<(string, long[], float[])> Norm(string module, int length)
            {
                yield return Vector(module + ".weight", length, 0.1, architecture == "NemotronForCausalLM" ? 0 : 1);
                if (normBiases) yield return Vector(module + ".bias", length, 0.2, 0);
            }

            (string, long[], float[]) Matrix(string module, int rows, int columns, double scale) =>
                (module + ".weight", [rows, columns], Values(random, rows * columns, scale / Math.Sqrt(columns), 0));

            yield return Matrix(embedding, Vocabulary, H, 3);
            for (int i = 0; i < layers; i++)
            {
                foreach (string norm in norms)
                {
                    int length = norm.EndsWith("q_norm", StringComparison.Ordinal) || norm.EndsWith("k_norm", StringComparison.Ordinal)
                        ? H / Heads : H;
                    foreach ((string, long[], float[]) tensor in Norm($"{layer}.{i}.{norm}", length)) yield return tensor;
                }

                for (int j = 0; j < matrices.Length; j++)
                {
                    (string suffix, int rows, int columns) = matrices[j];
                    yield return Matrix($"{layer}.{i}.{suffix}", rows, columns, j < 2 ? 2 : 1);
                    if (j < biased) yield return Vector($"{layer}.{i}.{suffix}.bias", rows, 0.3, 0);
                }
            }

            foreach ((string, long[], float[]) tensor in Norm(final, H)) yield return tensor;
            if (config["tie_word_embeddings"]?.GetValue<bool>() == false) yield return Matrix("lm_head", Vocabulary, H, 2);
        }
    }

    /// <summary>The tensors of DeepSeek's models.</summary>
    private static IEnumerable<(string Name, long[] Shape, float[] Values)> LatentTensors(string name, JsonObject config, int layers)
    {
        var random = new Random(name.Length + 17);
        (string, long[], float[]) Matrix(string tensor, int rows, int columns, double scale = 1) =>
            (tensor + ".weight", [rows, columns], Values(random, rows * columns, scale / Math.Sqrt(columns), 0));
        (string, long[], float[]) Norm(string tensor, int length) => (tensor + ".weight", [length], Values(random, length, 0.1, 1));
        int Of(string key) => config[key]!.GetValue<int>(); // all have it
        int query = config["q_lora_rank"]?.GetValue<int>() ?? 0, key = Of("kv_lora_rank"), plain = Of("qk_nope_head_dim");
        int rotated = Of("qk_rope_head_dim"), value = Of("v_head_dim"), experts = Of("n_routed_experts");

        IEnumerable<(string, long[], float[])> Gated(string path, int width) =>
        [
            Matrix(path + ".gate_proj", width, Hidden), Matrix(path + ".up_proj", width, Hidden),
            Matrix(path + ".down_proj", Hidden, width),
        ];

        yield return Matrix("model.embed_tokens", Vocabulary, Hidden, 3);

        // One layer more than there are, where a model has one that predicts further tokens.
        for (int i = 0; i < layers + (config["num_nextn_predict_layers"]?.GetValue<int>() ?? 0); i++)
        {
            string p = $"model.layers.{i}.";
            yield return Norm(p + "input_layernorm", Hidden);
            if (query > 0)
            {
                yield return Matrix(p + "self_attn.q_a_proj", query, Hidden);
                yield return Norm(p + "self_attn.q_a_layernorm", query);
            }

            yield return Matrix(p + (query > 0 ? "self_attn.q_b_proj" : "self_attn.q_proj"), Heads * (plain + rotated),
                query > 0 ? query : Hidden, 2);
            yield return Matrix(p + "self_attn.kv_a_proj_with_mqa", key + rotated, Hidden, 2);
            yield return Norm(p + "self_attn.kv_a_layernorm", key);
            yield return Matrix(p + "self_attn.kv_b_proj", Heads * (plain + value), key, 1.5);
            yield return Matrix(p + "self_attn.o_proj", Hidden, Heads * value);
            yield return Norm(p + "post_attention_layernorm", Hidden);
            List<(string, long[], float[])> feedForward = [];
            if (i < Of("first_k_dense_replace"))
            {
                feedForward.AddRange(Gated(p + "mlp", FeedForward));
            }
            else
            {
                feedForward.Add(Matrix(p + "mlp.gate", experts, Hidden, 2));
                if (name.StartsWith("deepseek3", StringComparison.Ordinal))
                    feedForward.Add((p + "mlp.gate.e_score_correction_bias", [experts], Values(random, experts, 0.2, 0)));
                for (int e = 0; e < experts; e++) feedForward.AddRange(Gated($"{p}mlp.experts.{e}", ExpertFeedForward));
                feedForward.AddRange(Gated(p + "mlp.shared_experts", Of("n_shared_experts") * ExpertFeedForward));
            }

            foreach ((string, long[], float[]) tensor in feedForward) yield return tensor;
        }

        yield return Norm("model.norm", Hidden);
        yield return Matrix("lm_head", Vocabulary, Hidden, 2);
    }

    private static int ExpertCount(JsonObject config) =>
        (config["num_experts"] ?? config["num_local_experts"])?.GetValue<int>() ?? 0;

    private static IEnumerable<(string Name, long[] Shape, float[] Values)> Experts(string p, string name, string architecture, int experts)
    {
        var random = new Random(p.Length + name.Length);
        (string, long[], float[]) Matrix(string tensor, int rows, int columns, double scale = 1) =>
            (p + tensor + ".weight", [rows, columns], Values(random, rows * columns, scale / Math.Sqrt(columns), 0));

        if (architecture == "GptOssForCausalLM")
        {
            yield return Matrix("mlp.router", experts, Hidden, 2);
            yield return (p + "mlp.router.bias", [experts], Values(random, experts, 0.3, 0));
            foreach ((string part, int rows, int columns) in new[] { ("gate_up_proj", 2 * FeedForward, Hidden),
                ("down_proj", Hidden, FeedForward) })
            {
                yield return ($"{p}mlp.experts.{part}_bias", [experts, rows], Values(random, experts * rows, 0.3, 0));
                int count = experts * rows * columns;
                if (name.EndsWith("mxfp4", StringComparison.Ordinal))
                {
                    float[] Bytes(int length, int least, int most) =>
                        [.. Enumerable.Range(0, length).Select(_ => (float)random.Next(least, most + 1))];

                    // Weights of some 3 · 2^-5 in the mean.
                    yield return ($"{p}mlp.experts.{part}_blocks", [experts, rows, columns / 32, 16], Bytes(count / 2, 0, 255));
                    yield return ($"{p}mlp.experts.{part}_scales", [experts, rows, columns / 32], Bytes(count / 32, 120, 123));
                }
                else
                {
                    yield return ($"{p}mlp.experts.{part}", [experts, columns, rows], Values(random, count, 1 / Math.Sqrt(columns), 0));
                }
            }

            yield break;
        }

        if (architecture == "GraniteMoeForCausalLM")
        {
            yield return Matrix("block_sparse_moe.router.layer", experts, Hidden, 2);
            yield return (p + "block_sparse_moe.input_linear.weight", [experts, 2 * FeedForward, Hidden],
                Values(random, experts * 2 * FeedForward * Hidden, 1 / Math.Sqrt(Hidden), 0));
            yield return (p + "block_sparse_moe.output_linear.weight", [experts, Hidden, FeedForward],
                Values(random, experts * FeedForward * Hidden, 1 / Math.Sqrt(FeedForward), 0));
            yield break;
        }

        bool mixtral = architecture == "MixtralForCausalLM";
        int width = mixtral || architecture == "OlmoeForCausalLM" ? FeedForward : ExpertFeedForward;
        string path = mixtral ? "block_sparse_moe." : "mlp.";
        yield return Matrix(path + "gate", experts, Hidden, 2);
        for (int i = 0; i < experts; i++)
        {
            string expert = $"{path}experts.{i}.";
            yield return Matrix(expert + (mixtral ? "w1" : "gate_proj"), width, Hidden);
            yield return Matrix(expert + (mixtral ? "w3" : "up_proj"), width, Hidden);
            yield return Matrix(expert + (mixtral ? "w2" : "down_proj"), Hidden, width);
        }

        if (architecture != "Qwen2MoeForCausalLM") yield break;
        yield return Matrix("mlp.shared_expert_gate", 1, Hidden);
        yield return Matrix("mlp.shared_expert.gate_proj", SharedFeedForward, Hidden);
        yield return Matrix("mlp.shared_expert.up_proj", SharedFeedForward, Hidden);
        yield return Matrix("mlp.shared_expert.down_proj", Hidden, SharedFeedForward);
    }

    /// <summary>The configuration of a case.</summary>
    public static JsonObject Config(string name, int layers = Layers)
    {
        JsonObject config = name.Split('-')[0] switch
        {
            "llama" => Of("LlamaForCausalLM"),
            "mistral" => Of("MistralForCausalLM"),
            "ministral3" => With(Of("Ministral3ForCausalLM"), """
                { "head_dim": 32, "rope_parameters": { "rope_type": "yarn", "type": "yarn", "rope_theta": 1000000.0, "factor": 16.0,
                    "original_max_position_embeddings": 16, "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
                    "llama_4_scaling_beta": 0.1 } }
                """),
            "smollm3" =>
                With(Of("SmolLM3ForCausalLM", ties: true),
                    """{ "no_rope_layer_interval": 4, "use_sliding_window": false, "rope_theta": 5000000.0 }"""),
            "granite" =>
                With(Of("GraniteForCausalLM", ties: true), """
                    { "embedding_multiplier": 12.0, "residual_multiplier": 0.22, "attention_multiplier": 0.125, "logits_scaling": 3.0 }
                    """),
            "granitemoe" => With(Of("GraniteMoeForCausalLM", ties: true), """
                { "embedding_multiplier": 12.0, "residual_multiplier": 0.22, "attention_multiplier": 0.125, "logits_scaling": 3.0,
                  "num_local_experts": 6, "num_experts_per_tok": 2, "output_router_logits": false, "router_aux_loss_coef": 0.0 }
                """),
            "olmo2" => Of("Olmo2ForCausalLM"),
            "olmo3" => With(Of("Olmo3ForCausalLM"), """
                { "sliding_window": 40, "rope_scaling": { "rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64,
                    "beta_fast": 32.0, "beta_slow": 1.0, "attention_factor": 1.2079441541679836 } }
                """),
            "glm4" => With(Of("Glm4ForCausalLM"), """{ "partial_rotary_factor": 0.5, "head_dim": 32, "attention_bias": true }"""),
            "cohere" => Named(Of("CohereForCausalLM", null), "layer_norm_eps", """
                { "logit_scale": 0.25, "use_qk_norm": false, "model_max_length": 131072 }
                """),
            "cohere2" => Named(Of("Cohere2ForCausalLM", null), "layer_norm_eps", """
                { "logit_scale": 0.25, "head_dim": 32, "sliding_window": 40, "sliding_window_pattern": 4, "layer_switch": 4,
                  "rotary_pct": 1.0, "order_of_interleaved_layers": "local_attn_first", "position_embedding_type": "rope_gptj",
                  "rope_scaling": null, "use_embedding_sharing": true, "use_gated_activation": true, "use_parallel_block": true,
                  "use_parallel_embedding": false, "cache_implementation": "hybrid" }
                """),
            "starcoder2" => Named(Of("Starcoder2ForCausalLM", null), "norm_epsilon", """
                { "hidden_act": "gelu_pytorch_tanh", "mlp_type": "default", "norm_type": "layer_norm", "use_bias": true,
                  "sliding_window": 2047, "embedding_dropout": 0.1, "residual_dropout": 0.1 }
                """),
            "nemotron" => Named(Of("NemotronForCausalLM"), "norm_eps", """
                { "hidden_act": "relu2", "head_dim": 32, "partial_rotary_factor": 0.5 }
                """),
            "exaone" => Exaone(),
            "exaone4" => With(Of("Exaone4ForCausalLM", ties: true), """
                { "head_dim": 32, "sliding_window": null, "sliding_window_pattern": null,
                  "rope_scaling": { "rope_type": "llama3", "factor": 16.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 64 } }
                """),
            "qwen2" =>
                With(Of("Qwen2ForCausalLM", ties: true),
                    """{ "use_sliding_window": false, "sliding_window": 64, "max_window_layers": 3 }"""),
            "qwen3" => With(Of("Qwen3ForCausalLM"), """{ "head_dim": 48, "use_sliding_window": false, "sliding_window": null }"""),
            "phi3" =>
                With(Of("Phi3ForCausalLM"),
                    """{ "original_max_position_embeddings": 256, "rope_scaling": null, "sliding_window": 2047 }"""),
            "mixtral" =>
                With(Of("MixtralForCausalLM"),
                    """{ "num_local_experts": 4, "num_experts_per_tok": 2, "output_router_logits": false, "sliding_window": null }"""),
            "qwen2moe" => With(Of("Qwen2MoeForCausalLM"), """
                { "model_type": "qwen2_moe", "num_experts": 6, "num_experts_per_tok": 3, "moe_intermediate_size": 96,
                  "shared_expert_intermediate_size": 160, "norm_topk_prob": false, "decoder_sparse_step": 1, "mlp_only_layers": [],
                  "router_aux_loss_coef": 0.001, "use_sliding_window": false }
                """),
            "qwen3moe" => With(Of("Qwen3MoeForCausalLM"), """
                { "model_type": "qwen3_moe", "head_dim": 48, "num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 96,
                  "norm_topk_prob": true, "decoder_sparse_step": 1, "mlp_only_layers": [], "sliding_window": null }
                """),
            "olmoe" => With(Of("OlmoeForCausalLM"), """
                { "num_key_value_heads": 4, "num_experts": 6, "num_experts_per_tok": 2, "norm_topk_prob": false, "clip_qkv": null }
                """),
            "gptoss" => With(Of("GptOssForCausalLM"), """
                { "model_type": "gpt_oss", "head_dim": 32, "num_local_experts": 4, "num_experts_per_tok": 2, "experts_per_token": 2,
                  "swiglu_limit": 7.0, "sliding_window": 40, "attention_bias": true, "rope_theta": 150000,
                  "initial_context_length": 64, "router_aux_loss_coef": 0.9,
                  "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention", "sliding_attention",
                    "full_attention", "sliding_attention"],
                  "rope_scaling": { "rope_type": "yarn", "factor": 8.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": false,
                    "original_max_position_embeddings": 64 } }
                """),
            "deepseek2" => With(Of("DeepseekV2ForCausalLM"), """
                { "model_type": "deepseek_v2", "attention_bias": false, "num_key_value_heads": 4, "q_lora_rank": 48, "kv_lora_rank": 64,
                  "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 24, "n_routed_experts": 8, "n_shared_experts": 2,
                  "num_experts_per_tok": 3, "moe_intermediate_size": 96, "first_k_dense_replace": 1, "moe_layer_freq": 1,
                  "n_group": 4, "topk_group": 2, "topk_method": "group_limited_greedy", "scoring_func": "softmax",
                  "norm_topk_prob": false, "routed_scaling_factor": 4.0, "aux_loss_alpha": 0.001, "seq_aux": true, "ep_size": 1,
                  "rope_scaling": { "type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64, "beta_fast": 32,
                    "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707 } }
                """),
            "deepseek3" => With(Of("DeepseekV3ForCausalLM"), """
                { "model_type": "deepseek_v3", "attention_bias": false, "num_key_value_heads": 4, "q_lora_rank": 48, "kv_lora_rank": 64,
                  "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 24, "n_routed_experts": 8, "n_shared_experts": 1,
                  "num_experts_per_tok": 2, "moe_intermediate_size": 96, "first_k_dense_replace": 2, "moe_layer_freq": 1,
                  "n_group": 4, "topk_group": 2, "topk_method": "noaux_tc", "scoring_func": "sigmoid", "norm_topk_prob": true,
                  "routed_scaling_factor": 2.5, "num_nextn_predict_layers": 1, "head_dim": 16, "qk_head_dim": 48,
                  "rope_interleave": true,
                  "rope_scaling": { "type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64, "beta_fast": 32,
                    "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0 } }
                """),
            "gemma" => With(Of("GemmaForCausalLM", null), """{ "hidden_act": "gelu", "head_dim": 48 }"""),
            "gemma2" => With(Of("Gemma2ForCausalLM", null), """
                { "hidden_act": "gelu_pytorch_tanh", "head_dim": 48, "sliding_window": 40, "query_pre_attn_scalar": 48,
                    "attn_logit_softcapping": 50.0,
                  "final_logit_softcapping": 30.0 }
                """),
            "gemma3" => With(Of("Gemma3ForCausalLM", null), """
                { "hidden_act": "gelu_pytorch_tanh", "head_dim": 48, "sliding_window": 40, "sliding_window_pattern": 6,
                    "query_pre_attn_scalar": 48,
                  "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0, "rope_scaling": { "rope_type": "linear", "factor": 8.0 } }
                """),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, "no such model"),
        };
        config[name == "exaone" ? "num_layers" : "num_hidden_layers"] = layers;
        return name switch
        {
            "llama-factors" => With(config, """
                { "rope_theta": 500000.0, "rope_scaling": { "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                  "original_max_position_embeddings": 64 } }
                """),
            "llama-linear" => With(config, """{ "rope_scaling": { "type": "linear", "factor": 4.0 } }"""),
            "llama-nemo" => With(config, """{ "head_dim": 48, "rope_theta": 1000000.0 }"""),
            "llama-newer" =>
                With(config, """{ "rope_theta": null, "rope_parameters": { "rope_type": "default", "rope_theta": 50000.0 } }"""),
            "qwen2-yarn" =>
                With(config, """{ "rope_scaling": { "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64 } }"""),
            "qwen3-tied" => With(config, """{ "tie_word_embeddings": true }"""),
            "granite-defaults" => With(config, """{ "embedding_multiplier": null, "residual_multiplier": null, "logits_scaling": null }"""),
            "gptoss-mxfp4" => With(config, """{ "quantization_config": { "quant_method": "mxfp4" } }"""),
            "deepseek2-lite" => With(config, """
                { "q_lora_rank": null, "n_group": 1, "topk_group": 1, "topk_method": "greedy", "routed_scaling_factor": 1.0,
                  "rope_scaling": null }
                """),
            "phi3-partial" => With(config, """{ "partial_rotary_factor": 0.75 }"""),
            "phi3-short" => With(config, LongRope(512, 256)),
            "phi3-long" => With(config, LongRope(512, 64)),
            _ => config,
        };
    }

    /// <summary>With ε under another name.</summary>
    private static JsonObject Named(JsonObject config, string epsilon, string more)
    {
        config.Remove("rms_norm_eps");
        config[epsilon] = 1e-5;
        return With(config, more);
    }

    private static JsonObject Exaone()
    {
        JsonObject config = Named(Of("ExaoneForCausalLM", ties: true), "layer_norm_epsilon", """
            { "activation_function": "silu", "embed_dropout": 0.0, "head_dim": 32,
              "rope_scaling": { "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64 } }
            """);
        config.Remove("hidden_act");
        return config;
    }

    public static JsonObject With(JsonObject config, string more)
    {
        foreach ((string key, JsonNode? value) in JsonNode.Parse(more)!.AsObject()) config[key] = value?.DeepClone(); // an object is given
        return config;
    }

    private static string LongRope(int context, int original)
    {
        string Factors(double step) =>
            string.Join(", ", Enumerable.Range(0, Hidden / Heads / 2).Select(i => FormattableString.Invariant($"{1 + (i * step):F3}")));
        return $$"""
            { "max_position_embeddings": {{context}}, "original_max_position_embeddings": {{original}},
              "rope_scaling": { "type": "longrope", "long_factor": [{{Factors(1.5)}}], "short_factor": [{{Factors(0.02)}}] } }
            """;
    }

    private static JsonObject Of(string architecture, bool? ties = false)
    {
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(architecture),
            ["model_type"] = architecture.Replace("ForCausalLM", "", StringComparison.Ordinal).ToLowerInvariant(),
            ["vocab_size"] = Vocabulary,
            ["hidden_size"] = Hidden,
            ["intermediate_size"] = FeedForward,
            ["num_attention_heads"] = Heads,
            ["num_key_value_heads"] = KvHeads,
            ["max_position_embeddings"] = 512,
            ["rms_norm_eps"] = 1e-5,
            ["rope_theta"] = 10000.0,
            ["hidden_act"] = "silu",
            ["torch_dtype"] = "float32",
        };
        if (ties is { } given) config["tie_word_embeddings"] = given;
        return config;
    }

    /// <summary>TinyModel's, with the names that llama.cpp looks up.</summary>
    private static JsonObject Tokenizer()
    {
        JsonObject tokenizer = TinyModel.Tokenizer();
        JsonArray added = tokenizer["added_tokens"]!.AsArray(); // TinyModel has one
        string[] names = ["<unk>", "<s>", "</s>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"];
        for (int i = 0; i < names.Length; i++)
        {
            added.Add(
                new JsonObject
                {
                    ["id"] = TinyModel.VocabularySize + i,
                    ["content"] = names[i],
                    ["special"] = true,
                    ["normalized"] = false
                });
        }

        return tokenizer;
    }

    private static float[] Values(Random random, int count, double deviation, double mean)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            values[i] = (float)(mean + (deviation * radius * Math.Cos(2 * Math.PI * random.NextDouble())));
        }

        return values;
    }
}
