using System.Text.Json.Nodes;

namespace QuantBench.TestKit;

/// <summary>
/// A llama of random weights in Hugging Face's layout, small enough to make in a test: hidden size 64, 2 layers, 4 heads, 2 KV heads, 297
/// tokens (byte-level BPE, GPT-2's pre-tokenizer), BF16, tied embeddings.
/// </summary>
public static class TinyModel
{
    /// <summary>Hidden size.</summary>
    public const int HiddenSize = 64;

    /// <summary>Size of the feed-forward layer.</summary>
    public const int IntermediateSize = 128;

    /// <summary>Number of layers.</summary>
    public const int LayerCount = 2;

    /// <summary>Number of heads.</summary>
    public const int HeadCount = 4;

    /// <summary>Number of KV heads.</summary>
    public const int KeyValueHeadCount = 2;

    /// <summary>Elements per head.</summary>
    public const int HeadSize = HiddenSize / HeadCount;

    private static readonly string[] Merges =
    [
        "Ġ t", "h e", "Ġt he", "i n", "e r", "Ġ a", "o n", "r e", "Ġ o", "n d", "a t", "Ġ s", "e s", "Ġ w", "o r", "e n", "Ġo f", "i t",
        "i s", "Ġ c",
        "Ġ b", "a n", "Ġ p", "in g", "Ġa nd", "e d", "Ġ in", "a l", "a r", "o u", "Ġ f", "Ġ m", "i on", "Ġt o", "l l", "Ġ d", "a s", "Ġ h",
        "r o", "l e",
    ];

    /// <summary>Number of tokens: <c>&lt;|endoftext|&gt;</c> (id 0), the bytes, the merges.</summary>
    public static int VocabularySize => 1 + 256 + Merges.Length;

    /// <summary>Writes the model's four files.</summary>
    /// <param name="directory">Where to; made when it is missing.</param>
    /// <param name="seed">Decides the weights.</param>
    /// <param name="change">Changes <c>config.json</c> before it is written.</param>
    /// <returns>The directory.</returns>
    public static string Write(string directory, int seed = 1, Action<JsonObject>? change = null)
    {
        Directory.CreateDirectory(directory);
        JsonObject config = Config();
        change?.Invoke(config);
        File.WriteAllText(Path.Combine(directory, "config.json"), config.ToJsonString());
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), Tokenizer().ToJsonString());
        File.WriteAllText(Path.Combine(directory, "tokenizer_config.json"), """
            {"add_bos_token":false,"add_prefix_space":false,"bos_token":"<|endoftext|>","eos_token":"<|endoftext|>",
              "tokenizer_class":"GPT2Tokenizer"}
            """);
        File.WriteAllBytes(Path.Combine(directory, "model.safetensors"), Weights(seed).ToArray());
        return directory;
    }

    /// <summary>The model's tensors.</summary>
    /// <param name="seed">Decides the weights.</param>
    public static TinySafetensors Weights(int seed = 1)
    {
        var random = new Random(seed);
        var file = new TinySafetensors();
        Matrix("model.embed_tokens", VocabularySize, HiddenSize);
        for (int layer = 0; layer < LayerCount; layer++)
        {
            string prefix = $"model.layers.{layer}";
            Norm($"{prefix}.input_layernorm");
            Matrix($"{prefix}.self_attn.q_proj", HeadCount * HeadSize, HiddenSize);
            Matrix($"{prefix}.self_attn.k_proj", KeyValueHeadCount * HeadSize, HiddenSize);
            Matrix($"{prefix}.self_attn.v_proj", KeyValueHeadCount * HeadSize, HiddenSize);
            Matrix($"{prefix}.self_attn.o_proj", HiddenSize, HeadCount * HeadSize);
            Norm($"{prefix}.post_attention_layernorm");
            Matrix($"{prefix}.mlp.gate_proj", IntermediateSize, HiddenSize);
            Matrix($"{prefix}.mlp.up_proj", IntermediateSize, HiddenSize);
            Matrix($"{prefix}.mlp.down_proj", HiddenSize, IntermediateSize);
        }

        Norm("model.norm");
        return file;

        void Matrix(string name, int rows, int columns) => Add(name, [rows, columns], () => (float)((random.NextDouble() - 0.5) * 0.25));
        void Norm(string name) => Add(name, [HiddenSize], () => (float)(0.75 + (random.NextDouble() * 0.5)));

        void Add(string name, long[] shape, Func<float> next)
        {
            using var bytes = new MemoryStream();
            for (long i = shape.Aggregate(1L, (a, b) => a * b); i > 0; i--)
            {
                // Cut off, not rounded: any bfloat16 will do.
                bytes.Write(BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(next()) >> 16)));
            }

            file.Tensor($"{name}.weight", "BF16", shape, bytes.ToArray());
        }
    }

    /// <summary>The tokenizer's JSON.</summary>
    public static JsonObject Tokenizer()
    {
        var vocabulary = new JsonObject { ["<|endoftext|>"] = 0 };
        int unprintable = 0x100;
        for (int value = 0; value < 256; value++)
        {
            bool isPrintable = value is (> 0x20 and < 0x7F) or (> 0xA0 and < 0xAD) or > 0xAD;
            vocabulary[((char)(isPrintable ? value : unprintable++)).ToString()] = vocabulary.Count;
        }

        foreach (string merge in Merges) vocabulary[merge.Replace(" ", "", StringComparison.Ordinal)] = vocabulary.Count;
        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(
                new JsonObject { ["id"] = 0, ["content"] = "<|endoftext|>", ["special"] = true, ["normalized"] = false }),
            ["normalizer"] = null,
            ["pre_tokenizer"] = JsonNode.Parse("""{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"""),
            ["post_processor"] = null,
            ["decoder"] = JsonNode.Parse("""{"type":"ByteLevel"}"""),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. Merges.Select(merge => JsonValue.Create(merge))])
            },
        };
    }

    private static JsonObject Config() => new()
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["model_type"] = "llama",
        ["vocab_size"] = VocabularySize,
        ["hidden_size"] = HiddenSize,
        ["intermediate_size"] = IntermediateSize,
        ["num_hidden_layers"] = LayerCount,
        ["num_attention_heads"] = HeadCount,
        ["num_key_value_heads"] = KeyValueHeadCount,
        ["max_position_embeddings"] = 512,
        ["rms_norm_eps"] = 1e-5,
        ["rope_theta"] = 10000.0,
        ["hidden_act"] = "silu",
        ["tie_word_embeddings"] = true,
        ["bos_token_id"] = 0,
        ["eos_token_id"] = 0,
        ["torch_dtype"] = "bfloat16",
    };
}
