using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Conversion;

/// <summary>How rotary positions are stretched beyond the trained context.</summary>
/// <param name="Type"><c>linear</c>, <c>yarn</c> or <c>llama3</c>.</param>
/// <param name="Factor">By how much.</param>
/// <param name="Source">The JSON object, for what only one type has.</param>
internal sealed record RopeScaling(string Type, double Factor, ModelJson Source);

/// <summary>What <c>config.json</c> says about a llama-family model; every figure was checked to be sensible.</summary>
internal sealed record HuggingFaceConfig
{
    private const int MaxSize = 1 << 24;

    /// <summary>Architecture's name in GGUF: <c>llama</c>, <c>qwen2</c> or <c>qwen3</c>.</summary>
    public required string GgufArchitecture { get; init; }

    public required string Name { get; init; }

    public required int VocabularySize { get; init; }

    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int LayerCount { get; init; }

    public required int HeadCount { get; init; }

    public required int KeyValueHeadCount { get; init; }

    public required int HeadSize { get; init; }

    /// <summary>Whether <c>head_dim</c> is given, and not just implied by the other figures.</summary>
    public required bool HasHeadSize { get; init; }

    public required int ContextLength { get; init; }

    public required double NormEpsilon { get; init; }

    public required double? RopeBase { get; init; }

    public required RopeScaling? RopeScaling { get; init; }

    public required bool TiesEmbeddings { get; init; }

    /// <summary>Whether rows of Q and K must be reordered: llama.cpp rotates neighbours in <c>llama</c> models, halves in the others.</summary>
    public bool PermutesHeads => GgufArchitecture == "llama";

    /// <summary>Whether each query and key head is normed.</summary>
    public bool NormsHeads => GgufArchitecture == "qwen3";

    /// <exception cref="QuantBenchException">The file is missing or broken, or the model is of a kind that isn't converted.</exception>
    public static HuggingFaceConfig Read(string directory)
    {
        string path = Path.Combine(directory, "config.json");
        ModelJson json = ModelJson.ReadFile(path);
        string architecture = ReadArchitecture(json, path);
        int hidden = json.Get("hidden_size").AsInt32(1, MaxSize);
        int heads = json.Get("num_attention_heads").AsInt32(1, hidden);
        int keyValueHeads = json.Find("num_key_value_heads")?.AsInt32(1, heads) ?? heads;
        int? headSize = json.Find("head_dim")?.AsInt32(2, MaxSize);
        if (headSize is null && hidden % heads != 0) throw new ModelFormatException(path, null, $"'hidden_size' ({hidden}) is not a multiple of 'num_attention_heads' ({heads}).");
        int size = headSize ?? hidden / heads;
        if (size % 2 != 0) throw new ModelFormatException(path, null, $"the head size {size} is odd; rotary positions need pairs.");
        if (heads % keyValueHeads != 0) throw new ModelFormatException(path, null, $"'num_attention_heads' ({heads}) is not a multiple of 'num_key_value_heads' ({keyValueHeads}).");
        CheckUnsupported(json, path);

        // Newer files gather the rotary settings in one object, older ones have rope_theta and rope_scaling apart.
        ModelJson? rope = json.Find("rope_parameters");
        return new HuggingFaceConfig
        {
            GgufArchitecture = architecture,
            Name = ReadName(json),
            VocabularySize = json.Get("vocab_size").AsInt32(1, MaxSize),
            HiddenSize = hidden,
            IntermediateSize = json.Get("intermediate_size").AsInt32(1, MaxSize),
            LayerCount = json.Get("num_hidden_layers").AsInt32(1, 512),
            HeadCount = heads,
            KeyValueHeadCount = keyValueHeads,
            HeadSize = size,
            HasHeadSize = headSize is not null,
            ContextLength = json.Get("max_position_embeddings").AsInt32(1, int.MaxValue),
            NormEpsilon = json.Get("rms_norm_eps").AsDouble(),
            RopeBase = (rope?.Find("rope_theta") ?? json.Find("rope_theta"))?.AsDouble(),
            RopeScaling = ReadRopeScaling(rope ?? json.Find("rope_scaling"), path),
            TiesEmbeddings = json.Find("tie_word_embeddings")?.AsBoolean() ?? false,
        };
    }

    private static string ReadArchitecture(ModelJson json, string path)
    {
        string name = json.Get("architectures").Items().Select(item => item.AsString()).FirstOrDefault() ?? "";
        return name switch
        {
            "LlamaForCausalLM" or "MistralForCausalLM" => "llama",
            "Qwen2ForCausalLM" => "qwen2",
            "Qwen3ForCausalLM" => "qwen3",
            _ => throw new ModelFormatException(
                path, null, $"the architecture '{name}' is not converted; LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM and Qwen3ForCausalLM are.",
                "Convert the model with llama.cpp's convert_hf_to_gguf.py and give the GGUF file instead."),
        };
    }

    /// <summary>The name is made of the content alone, so that a model in another directory gives the same bytes.</summary>
    private static string ReadName(ModelJson json)
    {
        string? name = json.Find("_name_or_path") is { IsString: true } text ? text.AsString().TrimEnd('/').Split('/')[^1] : null;
        return string.IsNullOrWhiteSpace(name) ? json.Find("model_type")?.AsString() ?? "model" : name;
    }

    private static void CheckUnsupported(ModelJson json, string path)
    {
        if (json.Find("quantization_config") is { } quantization)
        {
            string method = quantization.IsObject && quantization.Find("quant_method") is { IsString: true } name ? name.AsString() : "unknown";
            throw new ModelFormatException(
                path, null, $"the weights are already quantized ('quantization_config', method '{method}').", "Start from the model's unquantized weights.");
        }

        if (json.Find("hidden_act") is { } activation && activation.AsString() != "silu")
        {
            throw new ModelFormatException(path, null, $"'hidden_act' is '{activation.AsString()}'; models with 'silu' are converted.");
        }

        if (json.Find("num_local_experts") is { } experts && experts.AsInt64() > 1) throw new ModelFormatException(path, null, "models with experts ('num_local_experts') are not converted.");
        if (json.Find("partial_rotary_factor") is { } part && part.AsDouble() != 1.0)
        {
            throw new ModelFormatException(path, null, "models that rotate a part of each head ('partial_rotary_factor') are not converted.");
        }
    }

    private static RopeScaling? ReadRopeScaling(ModelJson? scaling, string path)
    {
        if (scaling is not { } json) return null;
        string type = (json.Find("rope_type") ?? json.Find("type"))?.AsString() ?? "default";
        return type switch
        {
            "default" => null,
            "linear" or "yarn" or "llama3" => new RopeScaling(type, json.Get("factor").AsDouble() is var factor and > 0 ? factor : throw json.Get("factor").Wrong("above 0"), json),
            _ => throw new ModelFormatException(path, null, $"the rotary scaling '{type}' is not converted; linear, yarn and llama3 are."),
        };
    }
}
