using System.Text;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.Formats.Tokenizers;
using QuantBench.Models.Conversion;
using QuantBench.Models.Decoders;
using QuantBench.Models.Directories;
using QuantBench.Models.Graphs;
using QuantBench.Models.Mlx;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests;

/// <summary>Every refusal of a model file is of one of two kinds: a sound file that isn't read, or a broken one.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("""{"architectures":["MambaForCausalLM"]}""", "the architecture 'MambaForCausalLM' is not read")]
    [InlineData("""{"architectures":["Gemma3nForCausalLM"]}""", "the architecture 'Gemma3nForCausalLM' is not read")]
    [InlineData("""{"rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":64,"llama_4_scaling_beta":0.1}}""",
        "'llama_4_scaling_beta' is not understood")] // mistral3's
    [InlineData("""{"hidden_act":"relu"}""", "'hidden_act' is 'relu'")]
    [InlineData("""{"num_local_experts":8}""", "models with experts")]
    [InlineData("""{"architectures":["SmolLM3ForCausalLM"],"no_rope_layer_interval":3}""", "'no_rope_layer_interval' is 3")]
    [InlineData(
        """{"architectures":["Gemma2ForCausalLM"],"hidden_activation":"gelu_pytorch_tanh","sliding_window":64"""
            + ""","query_pre_attn_scalar":99}""",
        "'query_pre_attn_scalar' is 99")]
    [InlineData("""{"architectures":["Qwen2ForCausalLM"],"use_sliding_window":true,"sliding_window":8,"max_window_layers":1}""",
        "sliding windows of the upper layers")]
    [InlineData("""{"rope_scaling":{"rope_type":"dynamic","factor":2}}""", "the rotary scaling 'dynamic' is not read")]
    [InlineData("""{"rope_scaling":{"rope_type":"longrope","factor":2}}""", "'longrope' is read for phi3")]
    [InlineData("""{"partial_rotary_factor":0.5}""", "partial_rotary_factor")]
    [InlineData("""{"rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":64,"beta_fast":4}}""",
        "'beta_fast' is read where it is 32")]
    [InlineData("""{"rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":64,"beta_slow":0.5}}""",
        "'beta_slow' is read where it is 1")]
    [InlineData("""{"rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":64,"truncate":false}}""",
        "'truncate' is read where it is 1")]
    [InlineData("""{"rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":64,"extrapolation_factor":2}}""",
        "'extrapolation_factor' is read where it is 1")]
    [InlineData("""{"rope_scaling":{"rope_type":"llama3","factor":4,"beta_fast":4}}""", "'beta_fast' is not understood")]
    [InlineData("""{"rope_scaling":{"rope_type":"default","mrope_section":[1,2,3]}}""", "'mrope_section' is not understood")]
    [InlineData("""{"rope_parameters":{"rope_theta":10000,"new_setting":2}}""", "'new_setting' is not understood")]
    [InlineData(
        """{"rope_parameters":{"full_attention":{"rope_theta":1e6},"sliding_attention":{"rope_type":"yarn","factor":2}}}""",
        "'factor' is not understood")]
    [InlineData("""{"clip_qkv":8}""", "'clip_qkv' is not understood")]
    [InlineData("""{"embedding_multiplier":12}""", "'embedding_multiplier' is not understood")] // granite's
    [InlineData("""{"attn_logit_softcapping":50}""", "'attn_logit_softcapping' is not understood")] // gemma2's
    [InlineData("""{"final_logit_softcapping":30}""", "'final_logit_softcapping' is not understood")]
    [InlineData("""{"rope_local_base_freq":1e4}""", "'rope_local_base_freq' is not understood")] // gemma3's
    [InlineData("""{"num_experts":8}""", "'num_experts' is not understood")]
    [InlineData("""{"use_bidirectional_attention":true}""", "'use_bidirectional_attention' is not understood")]
    [InlineData("""{"position_embedding_type":"alibi"}""", "'position_embedding_type' is not understood")]
    [InlineData("""{"no_rope_layers":[1,0]}""", "'no_rope_layers'")]
    [InlineData("""{"layer_types":["full_attention","linear_attention"]}""", "'linear_attention' for layer 1")]
    [InlineData("""{"quantization_config":{"quant_method":"bitsandbytes"}}""", "already quantized")]
    public void Convert_CallsItUnsupported_WhenTheConfigurationIsSoundAndNotRead(string change, string reason)
    {
        string model = Model(config => Apply(config, change));

        Unsupported(reason, () =>
            HuggingFaceToGguf.Convert(model, _directory.Combine("m.gguf"), GgmlType.F32, new Progress<double>(), CancellationToken.None));
    }

    [Fact]
    public void Convert_ReadsEveryKeyOfPublicConfigurations()
    {
        // Keys that don't change what is computed, as configurations of these families on the hub carry them.
        string model = Model(config => Apply(config, """
            {"_name_or_path":"x","_attn_implementation_autoset":true,"attention_bias":false,"attention_dropout":0.1,"auto_map":{"a":"b"},
             "bos_token_id":0,"cache_implementation":"hybrid","clip_qkv":null,"embd_pdrop":0.1,"head_dim":16,"initializer_range":0.02,
             "is_llama_config":true,"layer_types":["full_attention","full_attention"],"max_window_layers":21,"mlp_bias":false,
             "original_max_position_embeddings":64,"pad_token_id":0,"partial_rotary_factor":1.0,"pretraining_tp":2,"resid_pdrop":0.1,
             "rope_interleaved":false,"rope_scaling":null,"sliding_window":null,"tokenizer_class":"x","transformers_version":"4.50.0",
             "unsloth_fixed":true,"unsloth_version":"2025.1","use_cache":true,"use_mrope":false,"use_sliding_window":false,
             "no_rope_layers":[1,1],"num_experts":0,"activation":"swiglu","embedding_dropout":0.1,"use_bias":false,
             "pruned_heads":{},"output_attentions":false,"temperature":0.7}
            """));

        HuggingFaceToGguf.Convert(model, _directory.Combine("m.gguf"), GgmlType.F32, new Progress<double>(), CancellationToken.None);
        DirectoryModel.Open(model).Dispose();
    }

    /// <summary>A key that isn't in any list, whatever it says, unless it says that it is off.</summary>
    [Theory]
    [InlineData("1", true)]
    [InlineData("0.5", true)]
    [InlineData("true", true)]
    [InlineData("\"on\"", true)]
    [InlineData("[1]", true)]
    [InlineData("""{"a":1}""", true)]
    [InlineData("0", false)]
    [InlineData("false", false)]
    [InlineData("null", false)]
    [InlineData("\"\"", false)]
    [InlineData("[]", false)]
    [InlineData("{}", false)]
    public void Open_RefusesAKeyThatNobodyKnows_UnlessItIsOff(string value, bool refused)
    {
        foreach (string place in new[] { "", "rope_scaling" })
        {
            string model = Model(config =>
            {
                config["rope_scaling"] = JsonNode.Parse("""{"rope_type":"linear","factor":2}""");
                (place.Length == 0 ? config : config[place]!.AsObject())["brand_new"] = JsonNode.Parse(value); // just made
            });

            if (refused) Unsupported("'brand_new' is not understood", () => DirectoryModel.Open(model).Dispose());
            else DirectoryModel.Open(model).Dispose();
        }
    }

    [Theory]
    [InlineData("differs")]
    [InlineData("quantized")]
    public void Open_CallsItBroken_WhenATiedModelHasAHeadOfItsOwn(string how)
    {
        string model = Model();
        byte[] head = new byte[TinyModel.VocabularySize * TinyModel.HiddenSize * 2];
        File.WriteAllBytes(Path.Combine(model, "model.safetensors"), (how == "differs"
            ? TinyModel.Weights().Tensor("lm_head.weight", "BF16", [TinyModel.VocabularySize, TinyModel.HiddenSize], head)
            : TinyModel.Weights().Tensor("lm_head.qweight", "I32", [8, TinyModel.VocabularySize],
                head.AsSpan(0, 32 * TinyModel.VocabularySize)))
            .ToArray());

        Broken("is not a copy of the embedding", () => DirectoryModel.Open(model).Dispose());
        Broken("is not a copy of the embedding", () => DecoderWeights.Open(model).Dispose());
        Broken("is not a copy of the embedding", () =>
            HuggingFaceToGguf.Convert(model, _directory.Combine("m.gguf"), GgmlType.F32, new Progress<double>(), CancellationToken.None));
        Broken("is not a copy of the embedding", () =>
            HuggingFaceToMlx.Convert(model, _directory.Combine("mlx"), new MlxQuantization(4, 64), new Progress<double>(),
                CancellationToken.None));
    }

    [Theory]
    [InlineData("BF16")]
    [InlineData("F32")]
    public void Open_TakesACopyOfTheEmbedding_WhenAModelIsTied(string type)
    {
        string model = Model();
        using (SafetensorsModel weights = SafetensorsModel.Open(model))
        {
            SafetensorsTensorInfo embedding = weights.Tensors["model.embed_tokens.weight"];
            byte[] stored = weights.Span(embedding, 0, (int)embedding.ByteSize).ToArray();
            byte[] head = type == "BF16" ? stored
                : [.. Enumerable.Range(0, stored.Length).SelectMany(i => i % 2 == 0 ? new byte[] { 0, 0, stored[i], stored[i + 1] } : [])];
            File.WriteAllBytes(_directory.Combine("tied"),
                TinyModel.Weights().Tensor("lm_head.weight", type, [TinyModel.VocabularySize, TinyModel.HiddenSize], head).ToArray());
        }

        File.Move(_directory.Combine("tied"), Path.Combine(model, "model.safetensors"), overwrite: true);

        DirectoryModel.Open(model).Dispose();
        DecoderWeights.Open(model).Dispose();
    }

    [Theory]
    [InlineData(0x7FC0, "is not a number")]
    [InlineData(0xFF80, "is infinite")]
    public void Convert_CallsItBroken_WhenAWeightIsNoNumber(int bits, string kind)
    {
        foreach ((string tensor, int index, string place) in new[]
            { ("model.layers.1.mlp.up_proj.weight", (64 * 7) + 11, "[7, 11]"), ("model.norm.weight", 5, "[0, 5]") })
        {
            string model = Spoilt(tensor, index, (ushort)bits), expected = $"'{tensor}' at {place} {kind}";

            Broken(expected, () => ToGguf(model, GgmlType.F32));
            Broken(expected, () => ToGguf(model, GgmlType.F16));
            Broken(expected, () => ToGguf(model, GgmlType.BF16));
            foreach (SafetensorsDType type in new[] { SafetensorsDType.F32, SafetensorsDType.F16, SafetensorsDType.BF16 })
            {
                Broken(expected, () => HuggingFaceToSafetensors.Convert(model, _directory.Combine("st"), type, new Progress<double>(),
                    CancellationToken.None));
            }

            Broken(expected, () => HuggingFaceToMlx.Convert(model, _directory.Combine("mlx"), new MlxQuantization(4, 64),
                new Progress<double>(), CancellationToken.None));
        }
    }

    [Fact]
    public void Convert_CallsItBroken_WhenF16CantHoldAWeight()
    {
        string model = Spoilt("model.layers.1.mlp.up_proj.weight", (64 * 7) + 11, 0x4800); // 131,072

        Broken("at [7, 11] is 131072, which F16 can't hold", () => ToGguf(model, GgmlType.F16));
        Broken("at [7, 11] is 131072, which F16 can't hold", () => HuggingFaceToSafetensors.Convert(
            model, _directory.Combine("st"), SafetensorsDType.F16, new Progress<double>(), CancellationToken.None));
        ToGguf(model, GgmlType.F32);
        ToGguf(model, GgmlType.BF16);
    }

    private void ToGguf(string model, GgmlType type) =>
        HuggingFaceToGguf.Convert(model, _directory.Combine("m.gguf"), type, new Progress<double>(), CancellationToken.None);

    private string Spoilt(string tensor, int index, ushort bits)
    {
        string model = Model();
        long at;
        using (SafetensorsModel weights = SafetensorsModel.Open(model)) at = weights.Tensors[tensor].Offset + (2 * index);
        using FileStream file = File.OpenWrite(Path.Combine(model, "model.safetensors"));
        file.Position = at;
        file.Write(BitConverter.GetBytes(bits));
        return model;
    }

    [Theory]
    [InlineData("""{"hidden_size":65}""", "'hidden_size' (65)")]
    [InlineData("""{"num_key_value_heads":3}""", "'num_key_value_heads' (3)")]
    [InlineData("""{"rms_norm_eps":"x"}""", "rms_norm_eps")]
    [InlineData("""{"num_hidden_layers":3}""", "model.layers.2")]
    public void Convert_CallsItBroken_WhenTheConfigurationDoesntFit(string change, string reason)
    {
        string model = Model(config => Apply(config, change));

        Broken(reason, () =>
            HuggingFaceToGguf.Convert(model, _directory.Combine("m.gguf"), GgmlType.F32, new Progress<double>(), CancellationToken.None));
    }

    [Theory]
    [InlineData("""{"quant_method":"bitnet"}""", "'bitnet', which is not read")]
    [InlineData("""{"quant_method":"gptq","bits":5,"group_size":64}""", "GPTQ weights of 5 bits")]
    [InlineData("""{"quant_method":"gptq","bits":4,"group_size":64,"checkpoint_format":"marlin"}""", "'marlin' is not read")]
    [InlineData("""{"quant_method":"awq","bits":8,"group_size":64}""", "AWQ weights of 8 bits")]
    [InlineData("""{"quant_method":"awq","bits":4,"group_size":64,"version":"gemv"}""", "the AWQ version 'gemv'")]
    public void Quantized_CallsItUnsupported_WhenTheMethodIsNotRead(string quantization, string reason)
    {
        string model = Model(config => config["quantization_config"] = JsonNode.Parse(quantization));

        Unsupported(reason, () => DirectoryVariant.Quantized(model));
    }

    [Fact]
    public void Quantized_CallsItUnsupported_WhenMlxHasAnotherMode() => Unsupported("mode 'mxfp6' is not read", () =>
        DirectoryVariant.Quantized(
            Model(config => config["quantization"] = JsonNode.Parse("""{"bits":4,"group_size":32,"mode":"mxfp6"}"""))));

    [Theory]
    [InlineData("""{"quant_method":"gptq","bits":9,"group_size":64}""", "between 1 and 8")]
    [InlineData("""{"quant_method":"gptq","bits":4,"group_size":0}""", "-1 or above 0")]
    [InlineData("""{"quant_method":"awq","bits":"four","group_size":64}""", "a whole number")]
    public void Quantized_CallsItBroken_WhenASettingCantBe(string quantization, string reason) => Broken(reason, () =>
        DirectoryVariant.Quantized(Model(config => config["quantization_config"] = JsonNode.Parse(quantization))));

    [Theory]
    [InlineData("""{"model":{"type":"WordPiece"}}""", "the tokenizer model 'WordPiece' is not read")]
    [InlineData("""{"model":{"type":"BPE","byte_fallback":true,"vocab":{"a":1},"merges":["a b"]}}""", "byte_fallback")]
    [InlineData("""{"model":{"type":"BPE","ignore_merges":true,"vocab":{"a":1},"merges":["a b"]}}""", "ignore_merges")]
    [InlineData("""{"normalizer":{"type":"Lowercase"}}""", "the normalizer 'Lowercase' is not read")]
    [InlineData("""{"pre_tokenizer":null}""", "there is no 'pre_tokenizer'")]
    [InlineData("""{"pre_tokenizer":{"type":"Metaspace"}}""", "the pre-tokenizer is not known")]
    public void OpenTokenizer_CallsItUnsupported_WhenItIsOfAnotherKind(string change, string reason)
    {
        string model = Model();
        JsonObject json = TinyModel.Tokenizer();
        Apply(json, change);
        File.WriteAllText(Path.Combine(model, "tokenizer.json"), json.ToJsonString());

        Unsupported(reason, () => HuggingFaceTokenizer.Read(model, TinyModel.VocabularySize));
    }

    [Fact]
    public void OpenTokenizer_CallsItBroken_WhenItsSentencePieceModelIsNone()
    {
        string model = Model();
        File.Move(Path.Combine(model, "tokenizer.json"), Path.Combine(model, "tokenizer.model"));

        Broken("this is no SentencePiece model", () => HuggingFaceTokenizer.Read(model, TinyModel.VocabularySize));
    }

    [Fact]
    public void OpenTokenizer_CallsItBroken_WhenItsFileIsMissing()
    {
        string model = Model();
        File.Delete(Path.Combine(model, "tokenizer.json"));

        Broken("there is no tokenizer.json", () => HuggingFaceTokenizer.Read(model, TinyModel.VocabularySize));
    }

    [Theory]
    [InlineData("rwkv", "default", "the tokenizer model 'rwkv' is not read")]
    [InlineData("gpt2", "my-new-pre", "the pre-tokenizer 'my-new-pre' is not read")]
    public void OpenTokenizer_CallsItUnsupported_WhenAGgufHasAnotherKind(string model, string pre, string reason)
    {
        string path = _directory.Write("m.gguf", new TinyGguf().Text("general.architecture", "llama")
            .Text("tokenizer.ggml.model", model).Text("tokenizer.ggml.pre", pre).Strings("tokenizer.ggml.tokens", "a").ToArray());

        Unsupported(reason, () => ModelSource.OpenTokenizer(ModelSource.Open(path)));
    }

    [Theory]
    [InlineData(1u, "GGUF version 1 is not read")]
    [InlineData(4u, "GGUF version 4 is not read")]
    [InlineData(3u << 24, "big-endian")]
    public void Open_CallsItUnsupported_WhenAGgufIsOfAnotherVersion(uint version, string reason) =>
        Unsupported(reason, () => ModelSource.Open(_directory.Write("m.gguf", new TinyGguf { Version = version }.ToArray())));

    [Fact]
    public void Open_CallsItUnsupported_WhenATensorTypeIsNew() => Unsupported("the unknown type 200", () =>
        ModelSource.Open(_directory.Write("m.gguf", new TinyGguf().Tensor("a", 200, [32], new byte[32]).ToArray())));

    [Theory]
    [InlineData("general.type", "mmproj", "a vision or audio projector")]
    [InlineData("general.architecture", "clip", "a vision or audio projector")]
    [InlineData("general.type", "adapter", "a LoRA adapter")]
    [InlineData("general.type", "imatrix", "an importance matrix")]
    public void Open_CallsItUnsupported_WhenAGgufIsNoLanguageModel(string key, string value, string reason) => Unsupported(reason, () =>
        ModelSource.Open(_directory.Write("m.gguf", new TinyGguf().Text(key, value).ToArray())));

    /// <summary>llama.cpp ends the process on each of these.</summary>
    [Theory]
    [InlineData("block_count", 0u, "between 1 and 512, but is 0")]
    [InlineData("block_count", 1_000_000_000u, "between 1 and 512")]
    [InlineData("attention.layer_norm_rms_epsilon", -1f, "not below 0")]
    [InlineData("attention.layer_norm_rms_epsilon", float.NaN, "not below 0")]
    [InlineData("expert_count", 8u, "'llama.expert_used_count' should be between 1 and 8, but is 0")]
    [InlineData("expert_count", 100_000u, "between 0 and 512")]
    [InlineData("expert_used_count", 3u, "0 in a model without experts")]
    [InlineData("rope.scaling.type", "foo", "one of none, linear, yarn, longrope")]
    public void Open_CallsItBroken_WhenAGgufHasAFigureThatNoModelHas(string key, object value, string reason)
    {
        TinyGguf file = new TinyGguf().Text("general.architecture", "llama");
        file = value switch
        {
            uint number => file.UInt32($"llama.{key}", number),
            float number => file.Entry($"llama.{key}", 6, BitConverter.GetBytes(number)),
            _ => file.Text($"llama.{key}", (string)value),
        };

        Broken(reason, () => ModelSource.Open(_directory.Write("m.gguf", file.ToArray())));
    }

    [Fact]
    public void Open_CallsItUnsupported_WhenTheWeightsArePickled()
    {
        string model = Model();
        File.Move(Path.Combine(model, "model.safetensors"), Path.Combine(model, "pytorch_model.bin"));

        Unsupported(".bin weights are not read", () => ModelSource.Open(model));
    }

    [Theory]
    [InlineData("cut", "bytes are left")]
    [InlineData("text", "this is not a GGUF file")]
    [InlineData("version", "there is no GGUF version 256")]
    [InlineData("type", "the unknown type 4096")]
    public void Open_CallsItBroken_WhenAGgufIs(string how, string reason)
    {
        byte[] bytes = how switch
        {
            "cut" => TinyGguf.Build()[..40],
            "text" => "not a model at all, just text"u8.ToArray(),
            "version" => new TinyGguf { Version = 256 }.ToArray(),
            _ => new TinyGguf().Tensor("a", 4096, [32], new byte[32]).ToArray(),
        };

        Broken(reason, () => ModelSource.Open(_directory.Write("m.gguf", bytes)));
    }

    [Fact]
    public void Open_CallsItBroken_WhenAPartIsMissing()
    {
        string path = _directory.Write("m-00001-of-00002.gguf", new TinyGguf()
            .Entry("split.no", 2, BitConverter.GetBytes((ushort)0)).Entry("split.count", 2, BitConverter.GetBytes((ushort)2)).ToArray());

        Broken("m-00002-of-00002.gguf' is missing", () => ModelSource.Open(path));
    }

    [Theory]
    [InlineData("m.gguf")]
    [InlineData("m.onnx")]
    [InlineData("hf/model.safetensors")]
    [InlineData("hf/tokenizer.json")]
    public void Open_CallsItBroken_WhenGitLfsLeftAPointer(string file)
    {
        string model = Model();
        byte[] pointer = Encoding.UTF8.GetBytes($"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 9\n");
        string path = file.StartsWith("hf/", StringComparison.Ordinal) ? Path.Combine(model, file[3..]) : _directory.Combine(file);
        File.WriteAllBytes(path, pointer);

        Broken("Git LFS pointer", () =>
        {
            if (path.EndsWith(".safetensors", StringComparison.Ordinal)) SafetensorsModel.Open(model).Dispose();
            else if (path.EndsWith(".json", StringComparison.Ordinal)) HuggingFaceTokenizer.Read(model, TinyModel.VocabularySize);
            else ModelSource.Open(path);
        });
    }

    [Fact]
    public void Convert_CallsItUnsupported_WhenTheWeightsAreNoFloats()
    {
        string model = Model(config => config["tie_word_embeddings"] = false);
        int elements = TinyModel.VocabularySize * TinyModel.HiddenSize;
        File.WriteAllBytes(Path.Combine(model, "model.safetensors"), TinyModel.Weights()
            .Tensor("lm_head.weight", "F8_E4M3", [TinyModel.VocabularySize, TinyModel.HiddenSize], new byte[elements]).ToArray());

        Unsupported("is of type F8_E4M3", () =>
            HuggingFaceToGguf.Convert(model, _directory.Combine("m.gguf"), GgmlType.F32, new Progress<double>(), CancellationToken.None));
    }

    [Fact]
    public void Convert_CallsItUnsupported_WhenATensorHasNoPlace()
    {
        string model = Model();
        File.WriteAllBytes(Path.Combine(model, "model.safetensors"),
            TinyModel.Weights().Tensor("model.layers.0.self_attn.sinks", "BF16", [4], new byte[8]).ToArray());

        Unsupported("'model.layers.0.self_attn.sinks' has no place", () =>
            HuggingFaceToGguf.Convert(model, _directory.Combine("m.gguf"), GgmlType.F32, new Progress<double>(), CancellationToken.None));
        Unsupported("'model.layers.0.self_attn.sinks' has no place", () => DirectoryModel.Open(model).Dispose());
    }

    [Theory]
    [InlineData("general.architecture", "mamba", "the architecture 'mamba' can't be exported")]
    [InlineData("general.architecture", "deepseek2", "models with latent attention (MLA) are not exported")]
    [InlineData("llama.attention.causal", false, "it is an encoder")]
    [InlineData("llama.attention.value_length", 32u, "keys and values of different width")]
    [InlineData("llama.rope.dimension_count", 8u, "rotate a part of each head")]
    [InlineData("llama.rope.scaling.type", "longrope", "the rotary scaling 'longrope' is not exported")]
    public void Export_CallsItUnsupported_WhenTheDecoderIsOfAnotherKind(string key, object value, string reason)
    {
        string gguf = _directory.Combine("m.gguf"), changed = _directory.Combine("changed.gguf");
        HuggingFaceToGguf.Convert(Model(), gguf, GgmlType.F32, new Progress<double>(), CancellationToken.None);
        using (GgufReader reader = GgufReader.Open(gguf))
        {
            var metadata = new GgufMetadata(changed);
            foreach ((string name, object old) in reader.Metadata.Where(entry => entry.Key != key)) metadata.Add(name, old);
            metadata.Add(key, value);
            using var writer = new GgufWriter(File.Create(changed), metadata,
                [.. reader.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Type, t.Dimensions))]);
            foreach (GgufTensorInfo tensor in reader.Tensors) writer.Append(reader.Span(tensor));
            writer.Complete();
        }

        Unsupported(reason, () => DecoderWeights.Open(changed).Dispose());
        if (key.EndsWith(".causal", StringComparison.Ordinal))
        {
            using IModelFile file = ModelFile.Open(changed);
            Assert.Contains("encoders", DecoderShape.Refusal(file), StringComparison.Ordinal);
        }
    }

    /// <summary>Files of before April 2024 have a tensor for each expert's matrix.</summary>
    [Fact]
    public void Refusal_NamesExpertsInTensorsOfTheirOwn()
    {
        string today = _directory.Combine("today.gguf"), old = _directory.Combine("old.gguf");
        ModelSynthesizer.Write(today, new SyntheticShape
        {
            Name = "old",
            Architecture = "llama",
            Layers = 1,
            Embedding = 64,
            FeedForward = 64,
            Heads = 2,
            KvHeads = 2,
            Vocabulary = 264,
            Experts = 2,
            ExpertsUsed = 1,
        }, "F32", 1, CancellationToken.None);
        using (GgufReader reader = GgufReader.Open(today))
        {
            (GgufTensorInfo Tensor, int Expert)[] parts = [.. reader.Tensors.SelectMany(t =>
                Enumerable.Range(0, t.Name.Contains("_exps.", StringComparison.Ordinal) ? 2 : 1).Select(expert => (t, expert)))];
            using var writer = new GgufWriter(File.Create(old), reader.Metadata, [.. parts.Select(part => part.Tensor.Dimensions.Length < 3
                ? new GgufTensorSpec(part.Tensor.Name, part.Tensor.Type, part.Tensor.Dimensions)
                : new GgufTensorSpec(part.Tensor.Name.Replace("_exps.", $".{part.Expert}.", StringComparison.Ordinal), part.Tensor.Type,
                    part.Tensor.Dimensions[..2]))]);
            foreach ((GgufTensorInfo tensor, int expert) in parts)
            {
                ReadOnlySpan<byte> bytes = reader.Span(tensor);
                writer.Append(tensor.Dimensions.Length < 3 ? bytes : bytes.Slice(expert * bytes.Length / 2, bytes.Length / 2));
            }

            writer.Complete();
        }

        using IModelFile now = ModelFile.Open(today), then = ModelFile.Open(old);
        Assert.Null(DecoderShape.Refusal(now));
        Assert.Contains("experts in tensors of their own ('blk.0.ffn_gate.0.weight')", DecoderShape.Refusal(then),
            StringComparison.Ordinal);
    }

    private static void Unsupported(string reason, Action action) =>
        Assert.Contains(reason, Assert.Throws<UnsupportedException>(action).Message, StringComparison.Ordinal);

    private static void Broken(string reason, Action action) =>
        Assert.Contains(reason, Assert.Throws<ModelFormatException>(action).Message, StringComparison.Ordinal);

    private static void Apply(JsonObject json, string change)
    {
        foreach ((string key, JsonNode? value) in JsonNode.Parse(change)!.AsObject()) json[key] = value?.DeepClone();
    }

    private string Model(Action<JsonObject>? change = null) => TinyModel.Write(_directory.Combine("hf"), change: change);
}
