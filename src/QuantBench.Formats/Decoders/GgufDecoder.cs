using QuantBench.Core.Errors;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Synthesis;
using QuantBench.Formats.Weights;

namespace QuantBench.Formats.Decoders;

/// <summary>A decoder in a GGUF file, of floats or quantized.</summary>
internal sealed class GgufDecoder : IDecoderWeights
{
    private const int MaxSize = 1 << 24;

    private readonly GgufReader _reader;

    private GgufDecoder(GgufReader reader, DecoderShape shape) => (_reader, Shape) = (reader, shape);

    /// <inheritdoc/>
    public DecoderShape Shape { get; }

    /// <exception cref="QuantBenchException">It can't be opened, is broken, or isn't a decoder of a known family.</exception>
    public static GgufDecoder Open(string path)
    {
        GgufReader reader = GgufReader.Open(path);
        try
        {
            return new GgufDecoder(reader, ReadShape(reader));
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IWeightMatrix Matrix(string module)
    {
        (int rows, int columns) = SizeOf(module);
        GgufTensorInfo tensor = Find($"{NameOf(module)}.weight");
        if (tensor.Dimensions.Length != 2 || tensor.Dimensions[0] != columns || tensor.Dimensions[1] != rows)
        {
            throw Wrong(tensor,
                $"has the dimensions [{string.Join(", ", tensor.Dimensions)}], but by the metadata they are [{columns}, {rows}].");
        }

        if (!BlockCodecs.TryGet(tensor.Type, out _)) throw Wrong(tensor, $"is of type {tensor.Type}, which holds no weights.");
        return new GgufMatrix(_reader, tensor, Shape.Architecture != "llama" ? 0 : Part(module) switch
        {
            "q_proj" => Shape.Heads,
            "k_proj" => Shape.KeyValueHeads,
            _ => 0,
        });
    }

    /// <inheritdoc/>
    public float[]? Bias(string module, int length)
    {
        if (_reader.Find($"{NameOf(module)}.bias") is null) return null;
        float[] stored = Vector($"{NameOf(module)}.bias", length);
        int heads = Shape.Architecture != "llama" ? 0
            : Part(module) switch { "q_proj" => Shape.Heads, "k_proj" => Shape.KeyValueHeads, _ => 0 };
        if (heads == 0) return stored;
        int size = length / heads;
        float[] values = new float[length];
        for (int i = 0; i < length; i++)
        {
            (int half, int pair) = Math.DivRem(i % size, size / 2);
            values[i] = stored[(i / size * size) + (2 * pair) + half];
        }

        return values;
    }

    /// <inheritdoc/>
    public float[] Norm(string module, int length) => Vector($"{NameOf(module)}.weight", length);

    /// <inheritdoc/>
    public void Release(string module)
    {
        if (_reader.Find($"{NameOf(module)}.weight") is { } tensor) _reader.Release(tensor);
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    private static string Part(string module) => module[(module.LastIndexOf('.') + 1)..];

    private static string NameOf(string module)
    {
        if (module == DecoderModules.Embedding) return "token_embd";
        if (module == DecoderModules.Head) return "output";
        if (module == DecoderModules.FinalNorm) return "output_norm";
        string name = Part(module) switch
        {
            "q_proj" => "attn_q",
            "k_proj" => "attn_k",
            "v_proj" => "attn_v",
            "o_proj" => "attn_output",
            "gate_proj" => "ffn_gate",
            "up_proj" => "ffn_up",
            "down_proj" => "ffn_down",
            "input_layernorm" => "attn_norm",
            "post_attention_layernorm" => "ffn_norm",
            "q_norm" => "attn_q_norm",
            "k_norm" => "attn_k_norm",
            var other => throw new ArgumentException($"no module is named '{other}'", nameof(module)),
        };
        return $"blk.{module.Split('.')[1]}.{name}";
    }

    private (int Rows, int Columns) SizeOf(string module) => Part(module) switch
    {
        "q_proj" => (Shape.QueryWidth, Shape.Hidden),
        "k_proj" or "v_proj" => (Shape.KeyWidth, Shape.Hidden),
        "o_proj" => (Shape.Hidden, Shape.QueryWidth),
        "gate_proj" or "up_proj" => (Shape.Intermediate, Shape.Hidden),
        "down_proj" => (Shape.Hidden, Shape.Intermediate),
        _ => (Shape.Vocabulary, Shape.Hidden),
    };

    private float[] Vector(string name, int length)
    {
        GgufTensorInfo tensor = Find(name);
        if (tensor.ElementCount != length) throw Wrong(tensor, $"has {tensor.ElementCount} elements; {length} were expected.");
        if (tensor.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
            throw Wrong(tensor, $"is of type {tensor.Type}, not of floats.");
        float[] values = new float[length];
        BlockCodecs.Get(tensor.Type).Dequantize(_reader.Span(tensor), values);
        return values;
    }

    private GgufTensorInfo Find(string name) =>
        _reader.Find(name)
            ?? throw new ModelFormatException(_reader.Files[0], null, $"the tensor '{name}' is missing.",
                "Convert the model again, or get it from another place.");

    private ModelFormatException Wrong(GgufTensorInfo tensor, string problem) =>
        new(_reader.Files[tensor.Part], tensor.Offset, $"the tensor '{tensor.Name}' {problem}");

    private static DecoderShape ReadShape(GgufReader reader)
    {
        string architecture = reader.Architecture ?? "";
        string file = reader.Files[0];
        if (architecture is not ("llama" or "qwen2" or "qwen3"))
        {
            throw new ModelFormatException(file, null,
                $"the architecture '{architecture}' is not exported; llama (with mistral), qwen2 and qwen3 are.");
        }

        GgufMetadata metadata = reader.Metadata;
        int Number(string key, int max, int? otherwise = null)
        {
            long value = metadata.FindInteger($"{architecture}.{key}") ?? otherwise
                ?? throw new ModelFormatException(file, null, $"the key '{architecture}.{key}' is missing.");
            return value >= 1 && value <= max ? (int)value
                : throw new ModelFormatException(file, null, $"'{architecture}.{key}' should be between 1 and {max}, but is {value}.");
        }

        if (metadata.FindInteger($"{architecture}.expert_count") is > 0)
            throw new ModelFormatException(file, null, "models with experts are not exported.");
        if (reader.Find("token_embd.weight") is not { Dimensions.Length: 2 } embedding || embedding.Dimensions[1] is < 1 or > MaxSize)
        {
            throw new ModelFormatException(file, null, "the tensor 'token_embd.weight' is missing or no matrix.");
        }

        int hidden = Number("embedding_length", MaxSize);
        int heads = Number("attention.head_count", hidden);
        int keyValueHeads = Number("attention.head_count_kv", heads, heads);
        int headSize = Number("attention.key_length", MaxSize, Math.Max(1, hidden / heads));
        int layers = Number("block_count", 512);
        int context = Number("context_length", int.MaxValue);
        if (heads % keyValueHeads != 0)
            throw new ModelFormatException(file, null, $"{heads} heads can't share {keyValueHeads} key-value heads evenly.");
        if (headSize % 2 != 0) throw new ModelFormatException(file, null, $"the head size {headSize} is odd; rotary positions need pairs.");
        if (Number("attention.value_length", MaxSize, headSize) != headSize)
            throw new ModelFormatException(file, null, "keys and values of different width are not exported.");
        if (Number("rope.dimension_count", headSize, headSize) != headSize)
            throw new ModelFormatException(file, null, "models that rotate a part of each head are not exported.");
        string known =
            string.Join(' ', reader.Tensors.Select(t => t.Name).Where(n => !IsKnown(n, layers)).Order(StringComparer.Ordinal).Take(1));
        if (known.Length > 0) throw new ModelFormatException(file, null, $"the tensor '{known}' has no place in a {architecture} decoder.");
        return new DecoderShape
        {
            Architecture = architecture,
            Name = metadata.FindString(GgufConstants.Name) ?? architecture,
            IsSynthetic = SyntheticMark.IsOn(metadata),
            Vocabulary = (int)embedding.Dimensions[1],
            Hidden = hidden,
            Intermediate = Number("feed_forward_length", MaxSize),
            Layers = layers,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadSize = headSize,
            ContextLength = context,
            NormEpsilon = (float)(metadata.FindNumber($"{architecture}.attention.layer_norm_rms_epsilon")
                ?? throw new ModelFormatException(file, null, $"the key '{architecture}.attention.layer_norm_rms_epsilon' is missing.")),
            Rotary = ReadRotary(reader, architecture, headSize, context),
            TiesEmbeddings = reader.Find("output.weight") is null,
            NormsHeads = reader.Find("blk.0.attn_q_norm.weight") is not null,
            BeginToken = TokenOf("tokenizer.ggml.bos_token_id"),
            EndTokens = TokenOf("tokenizer.ggml.eos_token_id") is { } end ? [end] : [],
        };

        int? TokenOf(string key) => metadata.FindInteger(key) is { } id && id >= 0 && id < embedding.Dimensions[1] ? (int)id : null;
    }

    private static bool IsKnown(string tensor, int layers)
    {
        string[] parts = tensor.Split('.');
        if (parts.Length == 2) return tensor is "token_embd.weight" or "output.weight" or "output_norm.weight" or "rope_freqs.weight";
        if (parts.Length != 4 || parts[0] != "blk" || !int.TryParse(parts[1], out int layer) || layer >= layers) return false;
        return (parts[2], parts[3]) is (
            "attn_q" or "attn_k" or "attn_v" or "attn_output" or "ffn_gate" or "ffn_up" or "ffn_down", "weight" or "bias")
            or ("attn_norm" or "ffn_norm" or "attn_q_norm" or "attn_k_norm", "weight");
    }

    private static RotarySettings ReadRotary(GgufReader reader, string architecture, int headSize, int context)
    {
        GgufMetadata metadata = reader.Metadata;
        string prefix = $"{architecture}.rope.scaling";
        string type = metadata.FindString($"{prefix}.type") ?? "linear";
        if (type is not ("none" or "linear" or "yarn"))
        {
            throw new ModelFormatException(reader.Files[0], null, $"the rotary scaling '{type}' is not exported; linear and yarn are.");
        }

        float factor = (float)(metadata.FindNumber($"{prefix}.factor") ?? 0);
        float scale = type == "none" || factor == 0 ? 1 : 1 / factor;
        float[] factors = [];
        if (reader.Find("rope_freqs.weight") is { } tensor)
        {
            if (tensor.Type != GgmlType.F32 || tensor.ElementCount != headSize / 2)
                throw new ModelFormatException(reader.Files[0], null, $"the tensor 'rope_freqs.weight' should have {headSize / 2} floats.");
            factors = new float[headSize / 2];
            BlockCodecs.Get(GgmlType.F32).Dequantize(reader.Span(tensor), factors);
        }

        bool isYarn = type == "yarn" && scale != 1;
        return new RotarySettings
        {
            Base = (float)(metadata.FindNumber($"{architecture}.rope.freq_base") ?? 10_000),
            Factors = [.. factors],
            PositionScale = scale,
            IsYarn = isYarn,
            OriginalContextLength = !isYarn ? 1
                : (int)Math.Clamp(metadata.FindInteger($"{prefix}.original_context_length") ?? context, 1, int.MaxValue),
            Magnitude = (float)(metadata.FindNumber($"{prefix}.attn_factor") ?? 1) * (isYarn ? 1 + (0.1f * MathF.Log(1 / scale)) : 1),
        };
    }
}
