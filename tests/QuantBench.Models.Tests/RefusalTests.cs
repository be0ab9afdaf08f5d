using System.Text;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.Formats.Tokenizers;
using QuantBench.Models.Conversion;
using QuantBench.Models.Decoders;
using QuantBench.Models.Directories;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests;

/// <summary>Every refusal of a model file is of one of two kinds: a sound file that isn't read, or a broken one.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("""{"architectures":["MambaForCausalLM"]}""", "the architecture 'MambaForCausalLM' is not read")]
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
    [InlineData("""{"quantization_config":{"quant_method":"bitsandbytes"}}""", "already quantized")]
    public void Convert_CallsItUnsupported_WhenTheConfigurationIsSoundAndNotRead(string change, string reason)
    {
        string model = Model(config => Apply(config, change));

        Unsupported(reason, () =>
            HuggingFaceToGguf.Convert(model, _directory.Combine("m.gguf"), GgmlType.F32, new Progress<double>(), CancellationToken.None));
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
    [InlineData("""{"quant_method":"bitsandbytes"}""", "'bitsandbytes', which is not read")]
    [InlineData("""{"quant_method":"gptq","bits":3,"group_size":64}""", "GPTQ weights of 3 bits")]
    [InlineData("""{"quant_method":"gptq","bits":4,"group_size":64,"checkpoint_format":"marlin"}""", "'marlin' is not read")]
    [InlineData("""{"quant_method":"awq","bits":8,"group_size":64}""", "AWQ weights of 8 bits")]
    [InlineData("""{"quant_method":"awq","bits":4,"group_size":64,"version":"gemv"}""", "the AWQ version 'gemv'")]
    public void Quantized_CallsItUnsupported_WhenTheMethodIsNotRead(string quantization, string reason)
    {
        string model = Model(config => config["quantization_config"] = JsonNode.Parse(quantization));

        Unsupported(reason, () => DirectoryVariant.Quantized(model));
    }

    [Fact]
    public void Quantized_CallsItUnsupported_WhenMlxHasAnotherMode() => Unsupported("mode 'mxfp4' is not read", () =>
        DirectoryVariant.Quantized(
            Model(config => config["quantization"] = JsonNode.Parse("""{"bits":4,"group_size":32,"mode":"mxfp4"}"""))));

    [Theory]
    [InlineData("""{"quant_method":"gptq","bits":9,"group_size":64}""", "between 1 and 8")]
    [InlineData("""{"quant_method":"gptq","bits":4,"group_size":0}""", "-1 or above 0")]
    [InlineData("""{"quant_method":"awq","bits":"four","group_size":64}""", "a whole number")]
    public void Quantized_CallsItBroken_WhenASettingCantBe(string quantization, string reason) => Broken(reason, () =>
        DirectoryVariant.Quantized(Model(config => config["quantization_config"] = JsonNode.Parse(quantization))));

    [Theory]
    [InlineData("""{"model":{"type":"Unigram"}}""", "the tokenizer model 'Unigram' is not read")]
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
    public void OpenTokenizer_CallsItUnsupported_WhenThereIsOnlySentencePiece()
    {
        string model = Model();
        File.Move(Path.Combine(model, "tokenizer.json"), Path.Combine(model, "tokenizer.model"));

        Unsupported("SentencePiece", () => HuggingFaceTokenizer.Read(model, TinyModel.VocabularySize));
    }

    [Fact]
    public void OpenTokenizer_CallsItBroken_WhenItsFileIsMissing()
    {
        string model = Model();
        File.Delete(Path.Combine(model, "tokenizer.json"));

        Broken("there is no tokenizer.json", () => HuggingFaceTokenizer.Read(model, TinyModel.VocabularySize));
    }

    [Theory]
    [InlineData("llama", "default", "SentencePiece ('llama') is not read")]
    [InlineData("gpt2", "my-new-pre", "the pre-tokenizer 'my-new-pre' is not read")]
    public void OpenTokenizer_CallsItUnsupported_WhenAGgufHasAnotherKind(string model, string pre, string reason)
    {
        string path = _directory.Write("m.gguf", new TinyGguf().Text("general.architecture", "llama")
            .Text("tokenizer.ggml.model", model).Text("tokenizer.ggml.pre", pre).ToArray());

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
    [InlineData("llama.expert_count", 8u, "models with experts are not exported")]
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
    }

    [Fact]
    public void Export_CallsItUnsupported_WhenTheGraphHasNoNodesForIt() => Unsupported("can't be exported", () =>
        DecoderWeights.Open(Model(config => Apply(config, """{"architectures":["SmolLM3ForCausalLM"]}"""))).Dispose());

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
