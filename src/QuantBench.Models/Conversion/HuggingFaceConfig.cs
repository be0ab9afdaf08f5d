using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Models.Architectures;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Conversion;

/// <summary>What <c>config.json</c> says about a llama-family model; every figure was checked to be sensible.</summary>
internal sealed record HuggingFaceConfig : DecoderSizes
{
    private const int MaxSize = 1 << 24;

    public required string Name { get; init; }

    /// <summary>Whether the weights are random.</summary>
    public required bool IsSynthetic { get; init; }

    /// <summary>Whether <c>head_dim</c> is given, and not just implied by the other figures.</summary>
    public required bool HasHeadSize { get; init; }

    public required int ContextLength { get; init; }

    /// <summary>How experts are chosen and weighed where files say; null where the architecture's name does.</summary>
    public required ExpertRouting? Routing { get; init; }

    /// <summary>Layers behind the last that predict further tokens; they aren't read.</summary>
    public required int FurtherLayers { get; init; }

    public required double NormEpsilon { get; init; }

    public required HuggingFaceRope Rope { get; init; }

    /// <summary>Sliding window in tokens of the layers that <see cref="DecoderArchitecture.Window"/> names; null = none.</summary>
    public required int? Window { get; init; }

    /// <summary>Soft cap of attention scores; null = none.</summary>
    public required double? AttentionSoftCap { get; init; }

    /// <summary>Soft cap of logits; null = none.</summary>
    public required double? LogitSoftCap { get; init; }

    /// <summary>Factor of logits; null = none.</summary>
    public required double? LogitScale { get; init; }

    /// <summary>Factors of the graph; null where the architecture has none.</summary>
    public required Multipliers? Multipliers { get; init; }

    /// <summary>The vocabulary's size alone, whatever the architecture and however the weights are stored.</summary>
    /// <exception cref="QuantBenchException">The file is missing or broken.</exception>
    public static int ReadVocabularySize(string directory) =>
        TextConfig.Of(ModelJson.ReadFile(Path.Combine(directory, "config.json"))).Get("vocab_size").AsInt32(1, MaxSize);

    /// <summary>Reads the configuration of float weights.</summary>
    /// <exception cref="QuantBenchException">The file is missing or broken, or the model is of a kind that isn't read.</exception>
    public static HuggingFaceConfig Read(string directory)
    {
        string path = Path.Combine(directory, "config.json");
        ModelJson json = ModelJson.ReadFile(path);
        if ((json.Find("quantization_config") ?? json.Find("quantization")) is not { } quantization
            || PackedExperts.IsOnlyQuantization(json)) return Read(json, path);
        string method = quantization.IsObject && quantization.Find("quant_method") is { IsString: true } name ? name.AsString() : "unknown";
        throw new UnsupportedException(
            path, $"the weights are already quantized ('quantization_config', method '{method}').",
            "Start from the model's unquantized weights.");
    }

    /// <summary>Reads the configuration, however the weights are stored.</summary>
    /// <exception cref="QuantBenchException">The file is broken, or the model is of a kind that isn't read.</exception>
    public static HuggingFaceConfig Read(ModelJson json, string path)
    {
        json = TextConfig.Of(json);
        DecoderArchitecture architecture = ReadArchitecture(json, path);
        int hidden = json.Get("hidden_size").AsInt32(1, MaxSize);
        int heads = json.Get("num_attention_heads").AsInt32(1, hidden);
        LatentSizes? latent = architecture.HasLatentAttention ? HuggingFaceLatent.Read(json) : null;
        int keyValueHeads = latent is not null ? 1 : json.Find("num_key_value_heads")?.AsInt32(1, heads) ?? heads;
        int? headSize = latent?.RotatedWidth ?? json.Find("head_dim")?.AsInt32(2, MaxSize);
        if (headSize is null && hidden % heads != 0)
            throw new ModelFormatException(path, null, $"'hidden_size' ({hidden}) is not a multiple of 'num_attention_heads' ({heads}).");
        int size = headSize ?? hidden / heads;
        if (size % 2 != 0) throw new ModelFormatException(path, null, $"the head size {size} is odd; rotary positions need pairs.");
        if (heads % keyValueHeads != 0)
            throw new ModelFormatException(path, null,
                $"'num_attention_heads' ({heads}) is not a multiple of 'num_key_value_heads' ({keyValueHeads}).");
        CheckUnsupported(json, architecture, path);
        HuggingFaceKeys.Check(json, architecture);
        int layers = json.Get(architecture.ConfigKey("num_hidden_layers")).AsInt32(1, 512);
        int context = json.Get("max_position_embeddings").AsInt32(1, int.MaxValue);
        CheckQueryScale(json, architecture, size, path);
        int experts = HuggingFaceExperts.Count(json, architecture);
        int feedForward = HuggingFaceExperts.FeedForward(json, architecture);
        return new HuggingFaceConfig
        {
            Architecture = architecture,
            Name = ReadName(json),
            IsSynthetic = SyntheticMark.IsOn(json),
            Vocabulary = json.Get("vocab_size").AsInt32(1, MaxSize),
            Embedding = hidden,
            FeedForward = feedForward,
            Experts = experts,
            ExpertsUsed = experts > 0 ? json.Get("num_experts_per_tok").AsInt32(1, experts) : 0,
            ExpertFeedForward = experts > 0 ? json.Get(architecture.Experts!.WidthKey).AsInt32(1, MaxSize) : 0, // it has experts
            SharedFeedForward = experts > 0 ? HuggingFaceExperts.Shared(json, architecture) : 0,
            LeadingDense = experts > 0 ? HuggingFaceExperts.LeadingDense(json, architecture, layers) : 0,
            Routing = HuggingFaceExperts.Routing(json, architecture, experts),
            FurtherLayers = json.Find("num_nextn_predict_layers")?.AsInt32(0, layers) ?? 0,
            Layers = layers,
            Heads = heads,
            KvHeads = keyValueHeads,
            HeadWidth = latent?.CacheWidth ?? size,
            Latent = latent,
            HasHeadSize = headSize is not null,
            ContextLength = context,
            NormEpsilon = json.Get(architecture.ConfigKey("rms_norm_eps")).AsDouble(),
            Rope = HuggingFaceRope.Read(json, architecture, hidden, heads, size, context),
            Window = ReadWindow(json, architecture, layers, path),
            AttentionSoftCap = json.Find("attn_logit_softcapping")?.AsDouble(),
            LogitSoftCap = json.Find("final_logit_softcapping")?.AsDouble(),
            LogitScale = architecture.LogitFactor > 0 ? json.Find("logit_scale")?.AsDouble() ?? architecture.LogitFactor : null,
            Multipliers = architecture.HasMultipliers ? Multipliers.Read(json) : null,
            TiesEmbeddings = json.Find("tie_word_embeddings")?.AsBoolean() ?? architecture.TiesByDefault,
        };
    }

    /// <summary>Whether a tensor needs no place: a stored table that engines compute themselves, or a copy of a tied embedding.</summary>
    /// <param name="tensor">Its full name.</param>
    public bool IsRedundant(string tensor) =>
        tensor.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
        || tensor.EndsWith(".attention.bias", StringComparison.Ordinal)
        || tensor.EndsWith(".attention.masked_bias", StringComparison.Ordinal)
        || (TiesEmbeddings && tensor.StartsWith("lm_head.", StringComparison.Ordinal))
        || Enumerable.Range(Layers, FurtherLayers)
            .Any(layer => tensor.StartsWith($"{Architecture.LayerPath}.{layer}.", StringComparison.Ordinal));

    private static DecoderArchitecture ReadArchitecture(ModelJson json, string path)
    {
        string name = json.Get("architectures").Items().Select(item => item.AsString()).FirstOrDefault() ?? "";
        return DecoderArchitecture.FindClass(name) ?? throw new UnsupportedException(
            path, $"the architecture '{name}' is not read; {DecoderArchitecture.Classes} are.",
            "Convert the model with llama.cpp's convert_hf_to_gguf.py and give the GGUF file instead.");
    }

    /// <summary>The name is made of the content alone, so that a model in another directory gives the same bytes.</summary>
    private static string ReadName(ModelJson json)
    {
        string? name = json.Find("_name_or_path") is { IsString: true } text ? text.AsString().TrimEnd('/').Split('/')[^1] : null;
        return string.IsNullOrWhiteSpace(name) ? json.Find("model_type")?.AsString() ?? "model" : name;
    }

    private static void CheckUnsupported(ModelJson json, DecoderArchitecture architecture, string path)
    {
        // Gemma's first files say 'gelu' and mean the tanh form; 'hidden_activation' came later to say so.
        if ((json.Find("hidden_activation") ?? json.Find(architecture.ConfigKey("hidden_act"))) is { } activation
            && !architecture.Accepts(activation.AsString()))
        {
            throw new UnsupportedException(
                path,
                $"'{architecture.ConfigKey("hidden_act")}' is '{activation.AsString()}'; {architecture.Gguf} models with "
                    + $"'{architecture.Activation}' are read.");
        }

        foreach ((string key, string usual) in architecture.Settings)
        {
            if (json.Find(key) is { } setting && Text(setting) is var text && text != usual)
                throw new UnsupportedException(path, $"'{key}' is {text}; {architecture.Gguf} models with {usual} are read.");
        }

        HuggingFaceExperts.Check(json, architecture);
        if (json.Find("no_rope_layer_interval") is { } interval
            && (architecture.NoRopeInterval == 0 || interval.AsInt64() != architecture.NoRopeInterval))
        {
            throw new UnsupportedException(path,
                $"'no_rope_layer_interval' is {interval.AsInt64()}; smollm3 models with 4 are read.");
        }

        // 1 = rotated, whatever the name says.
        if (json.Find("no_rope_layers") is { } rotated && rotated.Items().Select((item, i) => (Rotated: item.AsInt64() != 0, i))
            .Any(layer => layer.Rotated != (architecture.NoRopeInterval == 0 || (layer.i + 1) % architecture.NoRopeInterval != 0)))
        {
            throw new UnsupportedException(path, $"'no_rope_layers' isn't {architecture.Gguf}'s usual pattern.");
        }
    }

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A value as text, whatever its kind.</summary>
    private static string Text(ModelJson value) =>
        value.IsBoolean ? value.AsBoolean() ? "true" : "false" : value.IsNumber ? Text(value.AsDouble()) : value.AsString();

    /// <summary>GGUF files don't carry the scale of queries; readers take the head's size, or, for Gemma's 27B, the embedding's share per
    /// head.</summary>
    private static void CheckQueryScale(ModelJson json, DecoderArchitecture architecture, int headSize, string path)
    {
        if (json.Find("query_pre_attn_scalar") is not { } scalar) return;
        double share = (double)json.Get("hidden_size").AsInt64() / json.Get("num_attention_heads").AsInt64();
        bool isWide = json.Get("num_hidden_layers").AsInt64() == architecture.WideQueryLayers;
        double expected = isWide ? Math.Floor(share) : headSize;
        if (scalar.AsDouble() != expected)
            throw new UnsupportedException(path,
                $"'query_pre_attn_scalar' is {scalar.AsDouble()}; models with {expected} here are read.");
    }

    private static int? ReadWindow(ModelJson json, DecoderArchitecture architecture, int layers, string path)
    {
        int? window = json.Find("sliding_window")?.AsInt32(1, int.MaxValue);
        CheckLayerTypes(json, architecture, window is not null, path);
        switch (architecture.Window)
        {
            // Llama's class doesn't look at it.
            case SlidingWindow.None when window is not null && architecture.Name != "llama":
                throw new UnsupportedException(path, $"'sliding_window' is {window}; {architecture.Gguf} models without one are read.");
            case SlidingWindow.None:
                return null;
            case SlidingWindow.WhenSwitchedOn:
                bool isOn = window is not null && (json.Find("use_sliding_window")?.AsBoolean() ?? false)
                    && (json.Find("max_window_layers")?.AsInt64() ?? 0) < layers;
                return !isOn ? null
                    : throw new UnsupportedException(path,
                        "sliding windows of the upper layers ('use_sliding_window') are not read.");
            case SlidingWindow.Pattern:
                if (window is null)
                {
                    return architecture.WindowIsOptional ? null
                        : throw new ModelFormatException(path, null, "'sliding_window' is missing.");
                }

                if (architecture.WindowLayers > 0 && layers != architecture.WindowLayers)
                {
                    throw new UnsupportedException(path,
                        $"'sliding_window' is read in {architecture.Gguf} models of {architecture.WindowLayers} layers, and this has "
                            + $"{layers}.");
                }

                // A number, or a letter per layer of a group.
                if ((json.Find("sliding_window_pattern") ?? json.Find("_sliding_window_pattern")) is { } pattern
                    && Text(pattern) is var text && text != Text(architecture.WindowPattern)
                    && text != new string('L', architecture.WindowPattern - 1) + "G")
                {
                    throw new UnsupportedException(path,
                        $"'sliding_window_pattern' is {text}; {architecture.Gguf} models with {architecture.WindowPattern} "
                            + $"are read.");
                }

                return window;
            default:
                return window;
        }
    }

    /// <summary>Newer files list what each layer sees.</summary>
    private static void CheckLayerTypes(ModelJson json, DecoderArchitecture architecture, bool hasWindow, string path)
    {
        if (json.Find("layer_types") is not { } types) return;
        int layer = 0;
        foreach (ModelJson type in types.Items())
        {
            bool isWindowed = architecture.Window switch
            {
                SlidingWindow.Pattern => hasWindow && layer % architecture.WindowPattern < architecture.WindowPattern - 1,
                SlidingWindow.EveryLayer => hasWindow,
                _ => false,
            };
            layer++;
            if (type.AsString() != (isWindowed ? "sliding_attention" : "full_attention"))
            {
                throw new UnsupportedException(path,
                    $"'layer_types' has '{type.AsString()}' for layer {layer - 1}; models with {architecture.Gguf}'s usual pattern are "
                        + $"read.");
            }
        }
    }
}
