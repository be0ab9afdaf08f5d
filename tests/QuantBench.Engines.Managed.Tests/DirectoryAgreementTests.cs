using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;
using QuantBench.Models.Conversion;

namespace QuantBench.Engines.Managed.Tests;

/// <summary>Hugging Face directories of every architecture, read as they are and as the GGUF file of the same weights, against llama.cpp on
/// that file.</summary>
public sealed class DirectoryAgreementTests
{
    private const int Count = 110;

    // Kernels of each instruction set have tests of their own; the graph is one.
    private static readonly string[] s_devices = [.. Models.Devices.Where(device => device == "scalar" || device == Models.Devices[^1])];

    // llama.cpp's CPU code looks GELU up in a table of halves, hence the wider bound of gemma and starcoder2.
    public static TheoryData<string, double> Shapes => new()
    {
        { "llama", 3e-4 }, { "llama-factors", 3e-4 }, { "llama-linear", 3e-4 }, { "llama-newer", 3e-4 }, { "mistral", 3e-4 },
        { "smollm3", 3e-4 }, { "granite", 3e-4 }, { "granite-defaults", 3e-4 },
        { "olmo2", 3e-4 }, { "qwen2", 3e-4 },
        { "qwen2-yarn", 3e-4 }, { "qwen3", 3e-4 }, { "qwen3-tied", 3e-4 }, { "phi3", 3e-4 }, { "phi3-partial", 3e-4 },
        { "phi3-short", 3e-4 }, { "phi3-long", 3e-4 },
        { "mixtral", 3e-4 }, { "qwen2moe", 3e-4 }, { "qwen3moe", 3e-4 }, { "olmoe", 3e-4 }, { "gptoss", 3e-4 }, { "gptoss-mxfp4", 3e-4 },
        { "gemma", 3e-3 }, { "gemma2", 3e-3 }, { "gemma3", 3e-3 },
        { "llama-nemo", 3e-4 }, { "olmo3", 3e-4 }, { "glm4", 3e-4 }, { "cohere", 3e-4 }, { "cohere2", 3e-4 }, { "starcoder2", 3e-3 },
        { "nemotron", 3e-4 }, { "exaone", 3e-4 }, { "exaone4", 3e-4 }, { "ministral3", 3e-4 }, { "deepseek2", 3e-4 }, { "deepseek3", 3e-4 },
        { "deepseek2-lite", 3e-4 }, { "granitemoe", 3e-4 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void LogProbabilities_AgreeWithLlamaCpp_FromDirectoryAndGguf(string name, double tolerance)
    {
        // llama.cpp knows by the number of layers that queries of deepseek's small model aren't compressed.
        string directory = RandomDirectory.Write(name, name == "deepseek2-lite" ? 27 : RandomDirectory.Layers);
        string gguf = directory + ".gguf";
        HuggingFaceToGguf.Convert(directory, gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);
        int[] tokens = Models.Tokens(Count, RandomDirectory.Vocabulary);
        double[] expected = Reference(gguf, tokens);
        foreach (string device in s_devices)
        {
            double[] fromGguf = Targets(gguf, device, tokens);
            double[] fromDirectory = Targets(directory, device, tokens);

            Near(expected, fromGguf, tolerance, $"{name} as GGUF on {device}");
            Near(expected, fromDirectory, tolerance, $"{name} as a directory on {device}");
            Models.SamePerplexity(expected, fromGguf, Models.PerplexityBound(tolerance), $"{name} as GGUF on {device}");

            // Rows of Q and K lie in another order, so sums are rounded differently, and that is all.
            Near(fromGguf, fromDirectory, 2e-5, $"{name}: directory against GGUF on {device}");
        }
    }

    /// <summary>Files of before keys and values had matrices of their own, head by head.</summary>
    [Fact]
    public void LogProbabilities_AgreeWithLlamaCpp_FromAnOldFileOfLatentAttention()
    {
        string directory = RandomDirectory.Write("deepseek2"), gguf = directory + ".new.gguf", old = directory + ".old.gguf";
        HuggingFaceToGguf.Convert(directory, gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);
        JsonObject config = RandomDirectory.Config("deepseek2");
        var given = RandomDirectory.Tensors("deepseek2", config, RandomDirectory.Layers).ToDictionary(tensor => tensor.Name);
        using (GgufReader reader = GgufReader.Open(gguf))
        {
            var metadata = new GgufMetadata(old);
            foreach ((string key, object value) in reader.Metadata)
            {
                if (key.EndsWith("_mla", StringComparison.Ordinal)) continue;
                metadata.Add(key, key switch
                {
                    "deepseek2.attention.key_length" or "deepseek2.attention.value_length" =>
                        (uint)reader.Metadata.GetInteger(key + "_mla"),
                    "deepseek2.attention.head_count_kv" => (uint)RandomDirectory.Heads,
                    _ => value,
                });
            }

            GgufTensorInfo[] kept = [.. reader.Tensors.Where(tensor => !tensor.Name.Contains("attn_v_b", StringComparison.Ordinal))];
            string Source(string name) => $"model.layers.{name.Split('.')[1]}.self_attn.kv_b_proj.weight";
            bool IsSplit(string name) => name.Contains("attn_k_b", StringComparison.Ordinal);
            using var writer = new GgufWriter(File.Create(old), metadata,
                [.. kept.Select(tensor => IsSplit(tensor.Name)
                    ? new GgufTensorSpec(tensor.Name.Replace("attn_k_b", "attn_kv_b", StringComparison.Ordinal), GgmlType.F32,
                        [.. given[Source(tensor.Name)].Shape.Reverse()])
                    : new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Dimensions))]);
            foreach (GgufTensorInfo tensor in kept)
                writer.Append(IsSplit(tensor.Name) ? MemoryMarshal.AsBytes<float>(given[Source(tensor.Name)].Values) : reader.Span(tensor));
            writer.Complete();
        }

        int[] tokens = Models.Tokens(Count, RandomDirectory.Vocabulary);
        double[] expected = Reference(old, tokens);

        foreach (string device in s_devices)
        {
            Near(expected, Targets(old, device, tokens), 3e-4, $"an old file on {device}");
            Near(Targets(gguf, device, tokens), Targets(old, device, tokens), 2e-5, $"an old file against a new one on {device}");
        }
    }

    /// <summary>The decoder of a model that reads images, too, is the same as alone: by either kind of names, and in a GGUF file.</summary>
    [Theory]
    [InlineData("gemma3", "Gemma3ForConditionalGeneration", "language_model.", "language_model.")]
    [InlineData("gemma3", "Gemma3ForConditionalGeneration", "", "model.language_model.")]
    [InlineData("llama", "Mistral3ForConditionalGeneration", "language_model.", "language_model.")]
    public void Decoder_IsFoundWithinAModelOfImages(string name, string wrapper, string prefix, string modelPrefix)
    {
        string alone = RandomDirectory.Write(name), directory = Models.ScratchFile($"images-{name}-{modelPrefix}");
        JsonObject text = RandomDirectory.Config(name);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(wrapper),
            ["model_type"] = "images",
            ["vision_config"] = new JsonObject { ["hidden_size"] = 8 },
            ["mm_tokens_per_image"] = 256,
            ["image_token_index"] = 7,
            ["multimodal_projector_bias"] = false,
            ["tie_word_embeddings"] = text["tie_word_embeddings"]?.DeepClone() ?? true,
        };
        text.Remove("architectures");
        text.Remove("tie_word_embeddings");
        if (name == "gemma3") text.Remove("rope_local_base_freq"); // what such files leave out
        config["text_config"] = text;
        RandomDirectory.WriteFiles(directory, config,
            RandomDirectory.Tensors(name, RandomDirectory.Config(name), RandomDirectory.Layers)
                .Select(tensor => tensor with
                {
                    Name = prefix.Length == 0 && tensor.Name.StartsWith("model.", StringComparison.Ordinal)
                        ? modelPrefix + tensor.Name["model.".Length..] : prefix + tensor.Name,
                })
                .Append(("vision_tower.patch.weight", [2], new float[2])));
        string gguf = directory + ".gguf";
        HuggingFaceToGguf.Convert(directory, gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);
        int[] tokens = Models.Tokens(60, RandomDirectory.Vocabulary);
        double[] expected = Targets(alone, "scalar", tokens);

        Assert.Equal(expected, Targets(directory, "scalar", tokens));
        Near(expected, Targets(gguf, "scalar", tokens), 2e-5, $"{name} as GGUF");
    }

    /// <summary>What both readings would get wrong alike: which tensor becomes which, and what is added to it.</summary>
    [Theory]
    [InlineData("nemotron", "model.norm.weight", "output_norm.weight", 1)]
    [InlineData("nemotron", "model.norm.bias", "output_norm.bias", 0)]
    [InlineData("exaone", "transformer.h.0.mlp.c_fc_0.weight", "blk.0.ffn_gate.weight", 0)]
    [InlineData("exaone", "transformer.h.0.ln_2.weight", "blk.0.ffn_norm.weight", 0)]
    [InlineData("glm4", "model.layers.0.post_self_attn_layernorm.weight", "blk.0.post_attention_norm.weight", 0)]
    [InlineData("glm4", "model.layers.0.post_attention_layernorm.weight", "blk.0.ffn_norm.weight", 0)]
    [InlineData("cohere", "model.layers.0.self_attn.q_proj.weight", "blk.0.attn_q.weight", 0)]
    public void Gguf_HoldsTheValues(string name, string source, string target, float added)
    {
        string directory = RandomDirectory.Write(name), gguf = directory + ".values.gguf";
        HuggingFaceToGguf.Convert(directory, gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);
        float[] given = RandomDirectory.Tensors(name, RandomDirectory.Config(name), RandomDirectory.Layers)
            .First(tensor => tensor.Name == source).Values;
        using GgufReader file = GgufReader.Open(gguf);

        float[] held = MemoryMarshal.Cast<byte, float>(file.Span(Assert.IsType<GgufTensorInfo>(file.Find(target)))).ToArray();

        Assert.Equal(given.Select(value => value + added), held);
    }

    [Theory]
    [InlineData("F16")]
    [InlineData("BF16")]
    public void LogProbabilities_AreThoseOfTheGguf_InHalves(string type)
    {
        string directory = RandomDirectory.Write("llama");
        string halves = Models.ScratchFile($"hf-llama-{type}");
        HuggingFaceToSafetensors.Convert(directory, halves, Enum.Parse<Formats.Safetensors.SafetensorsDType>(type), new Progress<double>(),
            CancellationToken.None);
        string gguf = halves + ".gguf";
        HuggingFaceToGguf.Convert(halves, gguf, Enum.Parse<GgmlType>(type), new Progress<double>(), CancellationToken.None);
        int[] tokens = Models.Tokens(60, RandomDirectory.Vocabulary);

        Near(Targets(gguf, Models.Devices[^1], tokens), Targets(halves, Models.Devices[^1], tokens), 2e-5, type);
    }

    /// <summary>With one layer and relative positions, what a token predicts is what it predicts behind the tokens that the window shows,
    /// alone.</summary>
    [Fact]
    public void Mistral_SeesOnlyItsWindow()
    {
        const int Window = 24;
        string directory = RandomDirectory.Write("mistral-window", layers: 1, config => config["sliding_window"] = Window);
        int[] tokens = Models.Tokens(Count, RandomDirectory.Vocabulary);
        foreach (string device in s_devices)
        {
            using ILoadedModel model = Models.Load(directory, device);
            using IInferenceSession session = Models.Session(model);
            float[][] all = Models.Run(session, tokens);
            foreach (int position in new[] { 0, Window - 1, Window, 63, 64, 100, Count - 1 })
            {
                session.Reset();
                int first = Math.Max(0, position - Window + 1);
                float[] alone = Models.Run(session, tokens.AsSpan(first, position - first + 1))[^1];
                for (int i = 0; i < alone.Length; i++) Assert.Equal(alone[i], all[position][i], 2e-3f);
            }
        }
    }

    [Theory]
    [InlineData("llama", """{ "architectures": ["MambaForCausalLM"] }""", "'MambaForCausalLM'")]
    [InlineData("llama", """{ "num_local_experts": 8 }""", "experts")]
    [InlineData("qwen3moe", """{ "norm_topk_prob": false }""", "norm_topk_prob")]
    [InlineData("qwen2moe", """{ "norm_topk_prob": true }""", "norm_topk_prob")]
    [InlineData("qwen3moe", """{ "mlp_only_layers": [0] }""", "mlp_only_layers")]
    [InlineData("qwen2moe", """{ "decoder_sparse_step": 2 }""", "decoder_sparse_step")]
    [InlineData("gptoss", """{ "swiglu_limit": 10.0 }""", "swiglu_limit")]
    [InlineData("llama", """{ "hidden_act": "relu" }""", "'hidden_act' is 'relu'")]
    [InlineData("llama", """{ "partial_rotary_factor": 0.5 }""", "partial_rotary_factor")]
    [InlineData("llama", """{ "rope_scaling": { "type": "dynamic", "factor": 2.0 } }""", "'dynamic'")]
    [InlineData("llama", """{ "quantization_config": { "quant_method": "hqq" } }""", "'hqq'")]
    [InlineData("qwen2", """{ "use_sliding_window": true }""", "use_sliding_window")]
    [InlineData("smollm3", """{ "no_rope_layer_interval": 3 }""", "no_rope_layer_interval")]
    [InlineData("gemma2", """{ "query_pre_attn_scalar": 100 }""", "query_pre_attn_scalar")]
    [InlineData("gemma2", """{ "layer_types": ["full_attention"] }""", "layer_types")]
    [InlineData("gemma3", """{ "sliding_window_pattern": 4 }""", "sliding_window_pattern")]
    [InlineData("cohere", """{ "use_qk_norm": true }""", "use_qk_norm")]
    [InlineData("cohere2", """{ "rotary_pct": 0.5 }""", "'rotary_pct' is 0.5")]
    [InlineData("cohere2", """{ "sliding_window_pattern": 3 }""", "sliding_window_pattern")]
    [InlineData("starcoder2", """{ "norm_type": "rms_norm" }""", "'norm_type' is rms_norm")]
    [InlineData("starcoder2", """{ "hidden_act": "gelu" }""", "'hidden_act' is 'gelu'")]
    [InlineData("nemotron", """{ "hidden_act": "silu" }""", "relu2")]
    [InlineData("exaone", """{ "activation_function": "gelu" }""", "'activation_function' is 'gelu'")]
    [InlineData("exaone4", """{ "sliding_window": 64 }""", "64 layers")]
    [InlineData("llama", """{ "logit_scale": 0.5 }""", "logit_scale")]
    [InlineData("deepseek2", """{ "topk_method": "greedy" }""", "topk_method")]
    [InlineData("deepseek2", """{ "norm_topk_prob": true }""", "norm_topk_prob")]
    [InlineData("deepseek3", """{ "scoring_func": "softmax" }""", "scoring_func")]
    [InlineData("deepseek3", """{ "rope_interleave": false }""", "rope_interleave")]
    [InlineData("deepseek3", """{ "rope_scaling": { "type": "linear", "factor": 2.0 } }""", "'linear'")]
    [InlineData("deepseek3", """{ "topk_group": 4 }""", "groups")]
    [InlineData("deepseek3", """{ "rope_scaling": { "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64 } }""",
        "mscale")] // llama.cpp would sharpen attention, too
    public void Load_NamesTheMissingFeature(string name, string change, string reason)
    {
        string directory = Models.ScratchFile($"refused-{Guid.NewGuid():N}");
        JsonObject config = RandomDirectory.Config(name);
        RandomDirectory.WriteFiles(directory, RandomDirectory.With(config.DeepClone().AsObject(), change),
            RandomDirectory.Tensors(name, config, 1));
        using var engine = new ManagedEngine();

        var artifact = Models.Artifact(directory, "safetensors:F32");
        Support support = engine.CanRun(artifact, "scalar");
        UnsupportedException thrown = Assert.Throws<UnsupportedException>(() =>
            engine.Load(artifact, "scalar", new LoadOptions { Threads = 1 }, CancellationToken.None));

        Assert.Contains(reason, support.Reason);
        Assert.Contains(reason, thrown.Message);
    }

    [Fact]
    public void Load_RefusesTensorsWithoutAPlace()
    {
        string directory = Models.ScratchFile("refused-tensor");
        JsonObject config = RandomDirectory.Config("llama", 1);
        RandomDirectory.WriteFiles(directory, config,
            RandomDirectory.Tensors("llama", config, 1).Append(("model.layers.0.mlp.gate.weight", [4], new float[4])));
        using var engine = new ManagedEngine();

        Assert.Contains("model.layers.0.mlp.gate.weight", engine.CanRun(Models.Artifact(directory), "scalar").Reason);
    }

    private static double[] Reference(string path, int[] tokens)
    {
        using LlamaCppEngine engine = LlamaCppEngine.Create(new EngineEnvironment { Log = _ => { }, Root = Models.Root });
        using ILoadedModel model = engine.Load(Models.Artifact(path), "cpu", new LoadOptions { Threads = 2 }, CancellationToken.None);
        using IInferenceSession session = Models.Session(model, threads: 2);
        return Models.Targets(session, tokens);
    }

    private static double[] Targets(string path, string device, int[] tokens)
    {
        using ILoadedModel model = Models.Load(path, device);
        using IInferenceSession session = Models.Session(model, threads: 2);
        return Models.Targets(session, tokens);
    }

    private static void Near(double[] expected, double[] actual, double tolerance, string what)
    {
        double difference = expected.Zip(actual, (a, b) => Math.Abs(a - b)).Average();
        Assert.True(difference <= tolerance, $"{what}: mean difference {difference:E2} nats");
    }
}
