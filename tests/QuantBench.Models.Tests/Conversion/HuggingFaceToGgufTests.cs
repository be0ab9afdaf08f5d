using System.Security.Cryptography;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Conversion;

public class HuggingFaceToGgufTests
{
    // From llama.cpp's Llama-3.2 settings: head size 64, base 500000, factor 32, 1 and 4, trained on 8192. Waves 15 to 17 are blended.
    private static readonly float[] Llama32Factors =
    [
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.6513292457638984f, 3.2922621029408843f, 9.666728978753293f,
        32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
    ];

    [Theory]
    [InlineData(GgmlType.F32, "token_embd.weight", "b22c8ad3e3a4efa40b6535858599da9c3b3044f1380a2b5fa17ff6fd56346e22")]
    [InlineData(GgmlType.F32, "blk.0.attn_q.weight", "13446a83575d9f3189140efb8ce5ce96e0cf77ddb72e43c4cc009cae08ccb057")]
    [InlineData(GgmlType.F32, "blk.2.attn_norm.weight", "e316c5b27351c8e7372b729d2804092f777570ac1e3a331e5d8067a514109b66")]
    [InlineData(GgmlType.F32, "blk.3.ffn_down.weight", "340648b11c85fcdbf136efdae146edc8e63452088b6fde1338e7542aa93c3634")]
    [InlineData(GgmlType.F32, "blk.5.attn_k.weight", "8e403c646cbd6c68091b9f9647d5ef366be5296a0f2b02602493dbf7cdc73427")]
    [InlineData(GgmlType.F16, "token_embd.weight", "c6e04eb1e05e023db5c3f1a690b8b3ac96932a8afc0e110331f3919ec8bb6ab0")]
    [InlineData(GgmlType.F16, "blk.0.attn_q.weight", "0e099ebe4138adf8eadf9c35402bb201f00a9e4d6c4b66358c6194d4588ce749")]
    [InlineData(GgmlType.F16, "blk.2.attn_norm.weight", "e316c5b27351c8e7372b729d2804092f777570ac1e3a331e5d8067a514109b66")]
    [InlineData(GgmlType.F16, "blk.5.attn_k.weight", "c0451fc2844dd2b685b52b055dc71cf3db70300b9a8d5e8e38c9cbc294c71ac6")]
    [InlineData(GgmlType.BF16, "token_embd.weight", "b1133c5248b00823f82924a09506575df96a1628e9ac3bfe9bde60ba459be484")]
    [InlineData(GgmlType.BF16, "blk.0.attn_q.weight", "8f303c61387e2aceebd1dfc2212f59e7b8c2ae295731c6fb1392045e8068375e")]
    [InlineData(GgmlType.BF16, "blk.5.attn_k.weight", "90387b065a99b3b829d58d818001b15f687da3874c3051e2027e287446742894")]
    public void Convert_GivesTheBytesOfAnIndependentConversion(GgmlType type, string tensor, string sha256)
    {
        using var directory = new TemporaryDirectory();
        using GgufReader reader = Convert(ReferenceModel.Directory, directory, type);

        GgufTensorInfo info = reader.Find(tensor) ?? throw new InvalidOperationException($"no tensor '{tensor}'");

        Assert.Equal(sha256, System.Convert.ToHexStringLower(SHA256.HashData(reader.Span(info))));
    }

    [Theory]
    [InlineData(GgmlType.F32, 23220416, 0, 5770496L * 4)]
    [InlineData(GgmlType.F16, 11686112, 1, (5770496L * 2) + (13 * 256 * 2))] // the 13 norms stay F32
    [InlineData(GgmlType.BF16, 11686112, 32, (5770496L * 2) + (13 * 256 * 2))]
    public void Convert_GivesFilesOfTheSizeOfLlamaCpps(GgmlType type, long bytes, long fileType, long tensorBytes)
    {
        using var directory = new TemporaryDirectory();
        using GgufReader reader = Convert(ReferenceModel.Directory, directory, type);

        Assert.InRange(reader.FileBytes, bytes * 0.9999, bytes * 1.0001);
        Assert.Equal(tensorBytes, reader.TensorBytes);
        Assert.Equal(5770496, reader.ParameterCount);
        Assert.Equal(fileType, reader.FileType);
        Assert.Equal("llama", reader.Architecture);
    }

    [Fact]
    public void Convert_WritesTheMetadataThatEnginesRead()
    {
        using var directory = new TemporaryDirectory();
        using GgufReader reader = Convert(ReferenceModel.Directory, directory, GgmlType.F16);
        GgufMetadata metadata = reader.Metadata;

        Assert.Equal(6, metadata.GetInteger("llama.block_count"));
        Assert.Equal(2048, metadata.GetInteger("llama.context_length"));
        Assert.Equal(256, metadata.GetInteger("llama.embedding_length"));
        Assert.Equal(768, metadata.GetInteger("llama.feed_forward_length"));
        Assert.Equal(4, metadata.GetInteger("llama.attention.head_count"));
        Assert.Equal(2, metadata.GetInteger("llama.attention.head_count_kv"));
        Assert.Equal(64, metadata.GetInteger("llama.attention.key_length"));
        Assert.Equal(64, metadata.GetInteger("llama.rope.dimension_count"));
        Assert.Equal(10000, metadata.FindNumber("llama.rope.freq_base"));
        Assert.Equal(1e-5f, metadata.FindNumber("llama.attention.layer_norm_rms_epsilon"));
        Assert.Equal(4096, metadata.GetInteger("llama.vocab_size"));
        Assert.Equal("gpt2", metadata.GetString("tokenizer.ggml.model"));
        Assert.Equal("gpt-2", metadata.GetString("tokenizer.ggml.pre"));
        Assert.Equal(4096, metadata.GetArray<string>("tokenizer.ggml.tokens").Length);
        Assert.Equal(3839, metadata.GetArray<string>("tokenizer.ggml.merges").Length);
        Assert.Equal([3, .. Enumerable.Repeat(1, 4095)], metadata.GetArray<int>("tokenizer.ggml.token_type"));
        Assert.Equal(0, metadata.GetInteger("tokenizer.ggml.bos_token_id"));
        Assert.Equal(0, metadata.GetInteger("tokenizer.ggml.eos_token_id"));
        Assert.False(metadata.FindBoolean("tokenizer.ggml.add_bos_token"));
    }

    [Fact]
    public void Convert_GivesTheSameBytes_WhereverTheSourceLies()
    {
        using var directory = new TemporaryDirectory();
        string a = TinyModel.Write(directory.Combine("a"));
        string b = TinyModel.Write(directory.Combine("b"));

        HuggingFaceToGguf.Convert(a, directory.Combine("a.gguf"), GgmlType.F16, new Progress<double>(), CancellationToken.None);
        HuggingFaceToGguf.Convert(b, directory.Combine("b.gguf"), GgmlType.F16, new Progress<double>(), CancellationToken.None);

        Assert.Equal(File.ReadAllBytes(directory.Combine("a.gguf")), File.ReadAllBytes(directory.Combine("b.gguf")));
    }

    [Fact]
    public void Convert_ReportsProgressUpToOne()
    {
        using var directory = new TemporaryDirectory();
        var progress = new Recorder();

        HuggingFaceToGguf.Convert(TinyModel.Write(directory.Combine("m")), directory.Combine("m.gguf"), GgmlType.F32, progress,
            CancellationToken.None);

        Assert.Equal(progress.Values.Order(), progress.Values);
        Assert.Equal(1.0, progress.Values[^1]);
    }

    [Fact]
    public void Convert_Stops_WhenItIsCancelled()
    {
        using var directory = new TemporaryDirectory();
        using var source = new CancellationTokenSource();
        var progress = new Recorder(_ => source.Cancel());

        Assert.Throws<OperationCanceledException>(() => HuggingFaceToGguf.Convert(
            TinyModel.Write(directory.Combine("m")), directory.Combine("m.gguf"), GgmlType.F32, progress, source.Token));

        Assert.Single(progress.Values);
    }

    [Fact]
    public void Convert_PermutesNothing_WhenTheModelIsQwen2()
    {
        using var directory = new TemporaryDirectory();
        string llama = TinyModel.Write(directory.Combine("llama"));
        string qwen =
            TinyModel.Write(directory.Combine("qwen"), change: config => config["architectures"] = new JsonArray("Qwen2ForCausalLM"));
        using GgufReader a = Convert(llama, directory, GgmlType.BF16);
        using GgufReader b = Convert(qwen, directory, GgmlType.BF16, "qwen.gguf");

        Assert.Equal("qwen2", b.Architecture);
        Assert.Equal(2, b.Metadata.GetInteger("qwen2.block_count"));
        Assert.NotEqual(Bytes(a, "blk.0.attn_q.weight"), Bytes(b, "blk.0.attn_q.weight"));
        Assert.Equal(Bytes(a, "blk.0.attn_v.weight"), Bytes(b, "blk.0.attn_v.weight"));

        // Row 1 of the first head's permuted rows is row size/2 of the original.
        int row = TinyModel.HiddenSize * 2;
        Assert.Equal(
            Bytes(b, "blk.0.attn_q.weight").AsSpan(TinyModel.HeadSize / 2 * row, row).ToArray(),
            Bytes(a, "blk.0.attn_q.weight").AsSpan(row, row).ToArray());
    }

    [Fact]
    public void Convert_KeepsBiasesAsF32_PermutedLikeTheirMatrix()
    {
        using var directory = new TemporaryDirectory();
        string model = TinyModel.Write(directory.Combine("m"));
        float[] bias = [.. Enumerable.Range(0, TinyModel.HeadCount * TinyModel.HeadSize).Select(i => (float)i)];
        TinySafetensors weights = TinyModel.Weights();
        for (int layer = 0; layer < TinyModel.LayerCount; layer++)
        {
            byte[] bytes = [.. bias.SelectMany(BitConverter.GetBytes)];
            weights.Tensor($"model.layers.{layer}.self_attn.q_proj.bias", "F32", [bias.Length], bytes);
        }

        File.WriteAllBytes(Path.Combine(model, "model.safetensors"), weights.ToArray());
        using GgufReader reader = Convert(model, directory, GgmlType.F16);

        GgufTensorInfo info = reader.Find("blk.1.attn_q.bias") ?? throw new InvalidOperationException("no bias");
        float[] read = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(reader.Span(info)).ToArray();
        Assert.Equal(GgmlType.F32, info.Type);
        Assert.Equal([0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15, 16, 24], read[..18]);
    }

    [Fact]
    public void Convert_WritesFrequencyFactors_WhenTheScalingIsLlama3s()
    {
        using var directory = new TemporaryDirectory();
        string model = TinyModel.Write(directory.Combine("m"), change: config =>
        {
            config["num_attention_heads"] = 1;
            config["num_key_value_heads"] = 1;
            config["rope_theta"] = 500000.0;
            config["rope_scaling"] = JsonNode.Parse(
                """{"rope_type":"llama3","factor":32.0,"low_freq_factor":1.0,"high_freq_factor":4.0"""
                    + ""","original_max_position_embeddings":8192}""");
        });
        ReplaceKeyAndValue(model);

        using GgufReader reader = Convert(model, directory, GgmlType.F16);

        GgufTensorInfo info = reader.Find("rope_freqs.weight") ?? throw new InvalidOperationException("no factors");
        float[] factors = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(reader.Span(info)).ToArray();
        Assert.Equal(Llama32Factors.Length, factors.Length);
        Assert.All(factors.Zip(Llama32Factors), pair => Assert.Equal(pair.Second, pair.First, 1e-5f * pair.Second));
        Assert.False(reader.Metadata.Contains("llama.rope.scaling.type"));
    }

    [Theory]
    [InlineData("me/tiny-phi3-distill", "tiny-phi_3-distill")]
    [InlineData("me/Phi-3.5-mini", "Phi_3.5-mini")]
    [InlineData("me/phi-4", "phi-4")]
    public void Convert_WritesNoNameThatLlamaCppLooksForTokensBy(string given, string written)
    {
        using var directory = new TemporaryDirectory();
        string model = TinyModel.Write(directory.Combine("m"), change: config => config["_name_or_path"] = given);

        using GgufReader reader = Convert(model, directory, GgmlType.F16);

        Assert.Equal(written, reader.Metadata.GetString("general.name"));
    }

    [Fact]
    public void Convert_WritesLinearScaling()
    {
        using var directory = new TemporaryDirectory();
        string model =
            TinyModel.Write(directory.Combine("m"),
                change: config => config["rope_scaling"] = JsonNode.Parse("""{"type":"linear","factor":2.5}"""));

        using GgufReader reader = Convert(model, directory, GgmlType.F16);

        Assert.Equal("linear", reader.Metadata.GetString("llama.rope.scaling.type"));
        Assert.Equal(2.5, reader.Metadata.FindNumber("llama.rope.scaling.factor"));
        Assert.Null(reader.Find("rope_freqs.weight"));
    }

    [Theory]
    [InlineData("""{"embedding_multiplier":12.0,"residual_multiplier":0.22,"attention_multiplier":0.0625,"logits_scaling":8.0}""",
        0.0625, 12, 0.22, 8)]
    [InlineData("{}", 1, 1, 1, 1)] // as Hugging Face's own class takes them
    public void Convert_WritesMultipliers_WhenTheModelIsGranite(
        string given, float attention, float embedding, float residual, float logits)
    {
        using var directory = new TemporaryDirectory();
        string source = TinyModel.Write(directory.Combine("granite"), change: config =>
        {
            config["architectures"] = new JsonArray("GraniteForCausalLM");
            foreach ((string key, JsonNode? value) in JsonNode.Parse(given)!.AsObject()) // an object is given
                config[key] = value?.DeepClone();
        });

        using GgufReader reader = Convert(source, directory, GgmlType.F32);

        Assert.Equal("granite", reader.Architecture);
        Assert.Equal(
            [attention, embedding, residual, logits],
            new[] { "attention.scale", "embedding_scale", "residual_scale", "logit_scale" }
                .Select(key => (float)reader.Metadata.FindNumber($"granite.{key}")!)); // each was written
    }

    [Theory]
    [InlineData("""{"architectures":["GraniteForCausalLM"],"logits_scaling":0}""", "'logits_scaling' should be above 0")]
    [InlineData("""{"architectures":["MambaForCausalLM"]}""", "'MambaForCausalLM'")]
    [InlineData("""{"architectures":[]}""", "the architecture ''")]
    [InlineData("""{"architectures":null}""", "'architectures' is missing")]
    [InlineData("""{"hidden_size":null}""", "'hidden_size' is missing")]
    [InlineData("""{"hidden_size":"64"}""", "'hidden_size' should be a whole number")]
    [InlineData("""{"hidden_size":-64}""", "'hidden_size' should be between")]
    [InlineData("""{"num_hidden_layers":513}""", "'num_hidden_layers' should be between 1 and 512")]
    [InlineData("""{"num_hidden_layers":3}""", "'model.layers.2.input_layernorm.weight' is missing")]
    [InlineData("""{"num_hidden_layers":1}""", "has no place")]
    [InlineData("""{"intermediate_size":96}""", "has the shape [128, 64], but by config.json it is [96, 64]")]
    [InlineData("""{"num_key_value_heads":3}""", "not a multiple")]
    [InlineData("""{"tie_word_embeddings":false}""", "'lm_head.weight' is missing")]
    [InlineData("""{"hidden_act":"gelu"}""", "'gelu'")]
    [InlineData("""{"rope_scaling":{"rope_type":"dynamic","factor":2.0}}""", "'dynamic'")]
    [InlineData("""{"rope_scaling":{"rope_type":"linear","factor":0}}""", "above 0")]
    [InlineData("""{"quantization_config":{"quant_method":"gptq"}}""", "'gptq'")]
    [InlineData("""{"num_local_experts":8}""", "experts")]
    [InlineData("""{"partial_rotary_factor":0.5}""", "partial_rotary_factor")]
    // beyond 32 bits in bytes
    [InlineData("""{"head_dim":16777216,"num_attention_heads":64,"hidden_size":64}""", "by config.json it is [1073741824, 64]")]
    // beyond 32 bits in rows
    [InlineData("""{"hidden_size":16777216,"num_attention_heads":16777216,"num_key_value_heads":1,"head_dim":16777216}""", "has the shape")]
    [InlineData("""{"vocab_size":16777216}""", "at most 1048576")]
    [InlineData("""{"vocab_size":296}""", "between 0 and 295")] // one less than the tokenizer has
    public void Convert_SaysWhatIsWrong_WhenTheConfigurationIs(string change, string message)
    {
        using var directory = new TemporaryDirectory();
        string model = TinyModel.Write(directory.Combine("m"), change: config =>
        {
            foreach ((string key, JsonNode? value) in JsonNode.Parse(change)!.AsObject()) config[key] = value?.DeepClone();
        });

        QuantBenchException error = Assert.ThrowsAny<QuantBenchException>(() => Convert(model, directory, GgmlType.F16).Dispose());

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("I32", "is of type I32")]
    [InlineData("F32", null)]
    [InlineData("F16", null)]
    public void Convert_ReadsFloatTypesOnly(string dtype, string? message)
    {
        using var directory = new TemporaryDirectory();
        string model = TinyModel.Write(directory.Combine("m"), change: config => config["tie_word_embeddings"] = false);
        int bytes = TinyModel.VocabularySize * TinyModel.HiddenSize * (dtype == "F16" ? 2 : 4);
        File.WriteAllBytes(
            Path.Combine(model, "model.safetensors"),
            TinyModel.Weights().Tensor("lm_head.weight", dtype, [TinyModel.VocabularySize, TinyModel.HiddenSize], new byte[bytes])
                .ToArray());

        Exception? error = Record.Exception(() => Convert(model, directory, GgmlType.BF16).Dispose());

        if (message is null) Assert.Null(error);
        else Assert.Contains(message, Assert.IsType<UnsupportedException>(error).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Convert_SaysSo_WhenTheOutputCantBeWritten()
    {
        using var directory = new TemporaryDirectory();

        RequestException error = Assert.Throws<RequestException>(() => HuggingFaceToGguf.Convert(
            ReferenceModel.Directory, directory.Combine("none/out.gguf"), GgmlType.F16, new Progress<double>(), CancellationToken.None));

        Assert.Contains("can't be written", error.Message, StringComparison.Ordinal);
    }

    private static GgufReader Convert(string model, TemporaryDirectory directory, GgmlType type, string name = "out.gguf")
    {
        string path = directory.Combine(name);
        HuggingFaceToGguf.Convert(model, path, type, new Progress<double>(), CancellationToken.None);
        return GgufReader.Open(path);
    }

    private static byte[] Bytes(GgufReader reader, string tensor) =>
        reader.Span(reader.Find(tensor) ?? throw new InvalidOperationException($"no tensor '{tensor}'")).ToArray();

    /// <summary>With a single head, K and V are as large as Q.</summary>
    private static void ReplaceKeyAndValue(string model)
    {
        string path = Path.Combine(model, "model.safetensors");
        var weights = new TinySafetensors();
        using (var original = QuantBench.Formats.Safetensors.SafetensorsModel.Open(model))
        {
            foreach ((string name, QuantBench.Formats.Safetensors.SafetensorsTensorInfo info) in original.Tensors)
            {
                bool isKeyOrValue = name.Contains("k_proj", StringComparison.Ordinal) || name.Contains("v_proj", StringComparison.Ordinal);
                long[] shape = isKeyOrValue ? [TinyModel.HiddenSize, TinyModel.HiddenSize] : [.. info.Shape];
                byte[] bytes = isKeyOrValue ? new byte[TinyModel.HiddenSize * TinyModel.HiddenSize * 2]
                    : original.Span(info, 0, (int)info.ByteSize).ToArray();
                weights.Tensor(name, "BF16", shape, bytes);
            }
        }

        File.WriteAllBytes(path, weights.ToArray());
    }

    private sealed class Recorder(Action<double>? then = null) : IProgress<double>
    {
        public List<double> Values { get; } = [];

        public void Report(double value)
        {
            Values.Add(value);
            then?.Invoke(value);
        }
    }
}
