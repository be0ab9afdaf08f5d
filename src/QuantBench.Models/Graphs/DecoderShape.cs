using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Graphs;

/// <summary>Sizes and constants of a decoder, read from metadata under GGUF's keys.</summary>
public sealed record DecoderShape : DecoderSizes
{
    private const int MaxLayers = 512;
    private const int MaxWidth = 1 << 20;

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the weights are random and what they give means nothing.</summary>
    public required bool IsSynthetic { get; init; }

    /// <summary>RoPE turns the pairs (i, i + n/2) instead of (2i, 2i + 1).</summary>
    public required bool NeoxRope { get; init; }

    /// <summary>Leading dimensions of a head that are rotated.</summary>
    public required int RotatedWidth { get; init; }

    /// <summary>Context length of training, in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Added to the mean square in RMSNorm.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>RoPE base.</summary>
    public required float RopeBase { get; init; }

    /// <summary>RoPE base of windowed layers.</summary>
    public required float LocalRopeBase { get; init; }

    /// <summary>RoPE scaling.</summary>
    public required RopeScaling RopeScaling { get; init; }

    /// <summary>Factor of embeddings.</summary>
    public required float EmbeddingScale { get; init; }

    /// <summary>Factor of what attention and feed-forward add.</summary>
    public required float ResidualScale { get; init; }

    /// <summary>Factor of logits.</summary>
    public required float LogitScale { get; init; }

    /// <summary>Factor of attention scores.</summary>
    public required float AttentionScale { get; init; }

    /// <summary>How much scores grow with each context before stretching that lies behind a query; 0 = they don't.</summary>
    public required float AttentionTemperature { get; init; }

    /// <summary>Soft cap of attention scores; 0 = none.</summary>
    public required float AttentionSoftCap { get; init; }

    /// <summary>Soft cap of logits; 0 = none.</summary>
    public required float LogitSoftCap { get; init; }

    /// <summary>Sliding window of windowed layers, in tokens; 0 = no layer has one.</summary>
    public required int Window { get; init; }

    /// <summary>Layers per group of which all but the last are windowed; 0 = all are.</summary>
    public required int WindowPattern { get; init; }

    /// <summary>Whether each layer is windowed, where the file says it layer by layer; else empty.</summary>
    public required ImmutableArray<bool> WindowedLayers { get; init; }

    /// <summary>Factor of the attention scores of a query.</summary>
    /// <param name="position">Its place, from 0.</param>
    public float ScaleAt(int position) => AttentionTemperature == 0 ? AttentionScale
        : AttentionScale * (float)((Math.Log((position / RopeScaling.OriginalContextLength) + 1) * AttentionTemperature) + 1);

    /// <summary>Whether a layer sees only the sliding window.</summary>
    public bool IsWindowed(int layer) => Window > 0
        && (WindowedLayers.IsEmpty ? WindowPattern == 0 || layer % WindowPattern < WindowPattern - 1 : WindowedLayers[layer]);

    /// <summary>Whether a layer's queries and keys are rotated by their positions.</summary>
    public bool IsRotated(int layer) => Architecture.RotatesWindowedOnly && Window > 0 ? IsWindowed(layer)
        : Architecture.NoRopeInterval == 0 || (layer + 1) % Architecture.NoRopeInterval != 0;

    /// <summary>Whether a GGUF file's attention isn't causal, so that it gives no probabilities of the next token.</summary>
    /// <param name="metadata">Its metadata.</param>
    public static bool IsEncoder(GgufMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        return metadata.FindBoolean($"{metadata.FindString(GgufConstants.Architecture)}.attention.causal") == false;
    }

    /// <summary>Why no engine gives figures for a GGUF file that could be compared with another's, by its metadata alone; null when nothing
    /// stands against it.</summary>
    /// <param name="metadata">Its metadata.</param>
    public static string? MetadataRefusal(GgufMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        if (IsEncoder(metadata)) return "encoders, whose tokens see those behind them (attention.causal is false), are not implemented";
        string prefix = $"{metadata.FindString(GgufConstants.Architecture)}.rope";
        foreach (string key in (string[])[$"{prefix}.scaling.factor", $"{prefix}.scale_linear"])
        {
            if (metadata.FindNumber(key) is { } factor && !(double.IsFinite(factor) && factor >= 0))
                return $"'{key}' is {factor}, and positions are stretched by positive factors only";
        }

        return metadata.FindString($"{prefix}.scaling.type") == "yarn"
            && metadata.FindInteger($"{prefix}.scaling.original_context_length") is not > 0
            ? $"RoPE scaling 'yarn' needs '{prefix}.scaling.original_context_length', the context before stretching, and the file has none"
            : null;
    }

    /// <summary>Why engines that compute this graph can't run a file, by its header alone; null when they can.</summary>
    /// <param name="file">The file.</param>
    public static string? Refusal(IModelFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        string architecture = file.Metadata.FindString(GgufConstants.Architecture) ?? "";
        if (DecoderArchitecture.Find(architecture) is not { } traits)
            return $"architecture '{architecture}' is not implemented; {DecoderArchitecture.Names} are";
        GgufMetadata metadata = file.Metadata;
        if (ExpertRefusal(metadata, architecture, traits) is { } experts) return experts;
        if (MetadataRefusal(metadata) is { } refusal) return refusal;
        string scaling = metadata.FindString($"{architecture}.rope.scaling.type") ?? "none";
        if (scaling is not ("none" or "linear" or "yarn" or "longrope"))
            return $"RoPE scaling '{scaling}' is not implemented";
        foreach (string key in (string[])["attention.head_count", "attention.head_count_kv", "feed_forward_length",
            "expert_feed_forward_length", "expert_used_count", "attention.sliding_window_pattern"])
        {
            if (metadata.TryGet($"{architecture}.{key}", out object? value) && value is Array
                && !(value is bool[] && traits.Window == SlidingWindow.Pattern))
            {
                return $"'{architecture}.{key}' that differs by layer is not implemented";
            }
        }

        if (metadata.FindInteger($"{architecture}.attention.key_length") != metadata.FindInteger($"{architecture}.attention.value_length"))
        {
            return "keys and values of different width are not implemented";
        }

        foreach (string key in (string[])["attention.temperature_scale", "rope.scaling.yarn_log_multiplier"])
        {
            if (!traits.HasTemperature && metadata.FindNumber($"{architecture}.{key}") is { } value and not 0)
                return $"'{architecture}.{key}' ({value}) is not implemented";
        }

        if (metadata.FindInteger($"{architecture}.nextn_predict_layers") is > 0)
            return "layers that predict more than the next token ('nextn_predict_layers') are not implemented";
        if (metadata.TryGet($"{architecture}.rope.dimension_sections", out _))
            return "rotary positions in several dimensions ('rope.dimension_sections') are not implemented";
        foreach (string name in file.TensorNames)
        {
            if (traits.HasLayerNorms && name.EndsWith("_q_norm.weight", StringComparison.Ordinal))
                return $"norms of {architecture}'s heads ('{name}') are not implemented";
            if (name.EndsWith(".scale", StringComparison.Ordinal) && !file.Contains($"{name[..^".scale".Length]}.weight"))
                return $"scale tensors ('{name}') are not implemented";
            if (!traits.HasSinks && name.EndsWith("attn_sinks.weight", StringComparison.Ordinal))
                return "attention sinks are not implemented";
            if (name.EndsWith("_norm.bias", StringComparison.Ordinal) && !traits.HasNormBiases)
                return $"LayerNorm biases ('{name}') are not implemented";
        }

        return file.Unreadable();
    }

    /// <summary>Reads the shape.</summary>
    /// <param name="file">A file that <see cref="Refusal"/> accepts.</param>
    /// <exception cref="ModelFormatException">A key is missing or out of range.</exception>
    public static DecoderShape Read(IModelFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        string architecture = file.Metadata.FindString(GgufConstants.Architecture)
            ?? throw Broken(file, "'general.architecture' is missing");
        DecoderArchitecture traits = DecoderArchitecture.Find(architecture)
            ?? throw Broken(file, $"the architecture '{architecture}' is not known");
        GgufMetadata metadata = file.Metadata;
        int Number(string key, int max, int? whenMissing = null)
        {
            long value = metadata.FindInteger($"{architecture}.{key}") ?? whenMissing
                ?? throw Broken(file, $"'{architecture}.{key}' is missing");
            return value >= 1 && value <= max ? (int)value
                : throw Broken(file, $"'{architecture}.{key}' should be between 1 and {max}, but is {value}");
        }

        // 0 where the key is missing.
        int Optional(string key) => metadata.FindInteger($"{architecture}.{key}") is null or 0 ? 0 : Number(key, MaxWidth);

        float Real(string key, float whenMissing) => (float)(metadata.FindNumber($"{architecture}.{key}") ?? whenMissing);

        int embedding = Number("embedding_length", MaxWidth);
        int heads = Number("attention.head_count", MaxWidth);
        int kvHeads = Number("attention.head_count_kv", heads, heads);
        int headWidth = Number("attention.key_length", MaxWidth, Math.Max(embedding / heads, 1));
        int context = Number("context_length", int.MaxValue);
        int layers = Number("block_count", MaxLayers);
        if (heads % kvHeads != 0) throw Broken(file, $"{heads} heads can't share {kvHeads} key-value heads evenly");
        int rotated = Number("rope.dimension_count", headWidth, headWidth);
        if (rotated % 2 != 0) throw Broken(file, $"'{architecture}.rope.dimension_count' must be even, but is {rotated}");
        float ropeBase = Real("rope.freq_base", 10_000);
        float scale = 1 / MathF.Sqrt(traits.WideQueryLayers == layers ? embedding / heads : headWidth);
        Multipliers? multipliers = traits.HasMultipliers ? Multipliers.Read(metadata, architecture) : null;
        long window = !traits.UsesWindow || (traits.WindowLayers > 0 && traits.WindowLayers != layers) ? 0
            : metadata.FindInteger($"{architecture}.attention.sliding_window") ?? traits.DefaultWindow;
        ImmutableArray<bool> windowed = window > 0 && traits.WindowPattern > 0
            && metadata.TryGet($"{architecture}.attention.sliding_window_pattern", out object? listed) && listed is bool[] list ? [.. list]
            : [];
        if (!windowed.IsEmpty && windowed.Length < layers)
            throw Broken(file, $"'{architecture}.attention.sliding_window_pattern' lists {windowed.Length} of {layers} layers");
        string epsilon = $"attention.layer_norm_{(traits.HasLayerNorms ? "" : "rms_")}epsilon";
        int experts = Optional("expert_count"), used = experts > 0 ? Number("expert_used_count", experts) : 0;
        int feedForward = Number("feed_forward_length", MaxWidth, experts > 0 ? Optional("expert_feed_forward_length") : null);
        int expertWidth = experts == 0 ? 0 : traits.Experts is { HasGgufWidth: true }
            ? NonZero(Optional("expert_feed_forward_length"), Math.Max(1, feedForward / used)) : feedForward;
        return new DecoderShape
        {
            Architecture = traits,
            Name = metadata.FindString(GgufConstants.Name) ?? architecture,
            IsSynthetic = SyntheticMark.IsOn(metadata),
            Vocabulary = file.Matrix(DecoderModule.GgufName(DecoderRole.Embedding), null, embedding).Rows,
            TiesEmbeddings = !file.Contains($"{DecoderModule.GgufName(DecoderRole.Head)}.weight"),
            NeoxRope = !traits.RotatesNeighbours || (file.RotatesHalves && !traits.KeepsRowOrder),
            Layers = layers,
            Embedding = embedding,
            FeedForward = feedForward,
            Experts = experts,
            ExpertsUsed = used,
            ExpertFeedForward = expertWidth,
            SharedFeedForward = experts > 0 && traits.Experts is { HasShared: true }
                ? NonZero(Optional("expert_shared_feed_forward_length"), feedForward) : 0,
            Heads = heads,
            KvHeads = kvHeads,
            HeadWidth = headWidth,
            RotatedWidth = rotated,
            ContextLength = context,
            NormEpsilon = (float)(metadata.FindNumber($"{architecture}.{epsilon}")
                ?? throw Broken(file, $"'{architecture}.{epsilon}' is missing")),
            RopeBase = ropeBase,
            LocalRopeBase = Real("rope.freq_base_swa", traits.LocalRopeBase > 0 ? traits.LocalRopeBase : ropeBase),
            RopeScaling = ReadScaling(metadata, traits, architecture, context),
            EmbeddingScale = traits.ScalesEmbeddings ? MathF.Sqrt(embedding) : multipliers?.Embedding ?? 1,
            ResidualScale = multipliers?.Residual ?? 1,
            LogitScale = traits.LogitFactor > 0 ? NonZero(Real("logit_scale", 0), 1) : 1 / (multipliers?.Logits ?? 1),
            // llama.cpp reads the key for those architectures alone, and in other files it has no effect anywhere.
            AttentionScale = traits.HasMultipliers ? NonZero(Real("attention.scale", 0), scale) : scale,
            AttentionTemperature = traits.HasTemperature ? Real("attention.temperature_scale", 0) : 0,
            AttentionSoftCap = Real("attn_logit_softcapping", traits.AttentionSoftCap),
            LogitSoftCap = Real("final_logit_softcapping", traits.LogitSoftCap),
            Window = (int)Math.Clamp(window, 0, int.MaxValue),
            WindowedLayers = windowed,
            WindowPattern = traits.WindowPattern == 0 || !windowed.IsEmpty ? 0
                : Number("attention.sliding_window_pattern", MaxLayers, traits.WindowPattern),
        };
    }

    /// <summary>What of experts isn't computed; null when all is.</summary>
    private static string? ExpertRefusal(GgufMetadata metadata, string architecture, DecoderArchitecture traits)
    {
        if (metadata.FindInteger($"{architecture}.expert_count") is not > 0)
        {
            return traits.Experts is { } own && own != ExpertTraits.Optional
                ? $"a {architecture} model without experts is not implemented" : null;
        }

        if (traits.Experts is null) return $"mixture-of-experts layers of '{architecture}' are not implemented";
        (string Key, double Usual)[] keys = [("expert_group_count", 1), ("expert_weights_scale", 1), ("expert_gating_func", 1),
            ("leading_dense_block_count", 0), ("expert_shared_count", traits.Experts.HasShared ? 1 : 0)];
        foreach ((string key, double usual) in keys)
        {
            if (metadata.FindNumber($"{architecture}.{key}") is { } value && value != 0 && value != usual
                && !(key == "expert_gating_func" && traits.Experts.Weights == ExpertWeights.SoftmaxOfChosen && value == 3))
                return $"'{architecture}.{key}' of {value} is not implemented";
        }

        return null;
    }

    private static int NonZero(int value, int otherwise) => value == 0 ? otherwise : value;

    private static float NonZero(float value, float otherwise) => value == 0 ? otherwise : value;

    private static RopeScaling ReadScaling(GgufMetadata metadata, DecoderArchitecture traits, string architecture, int context)
    {
        string type = metadata.FindString($"{architecture}.rope.scaling.type") ?? "linear";
        float factor =
            (float)(metadata.FindNumber($"{architecture}.rope.scaling.factor") ?? metadata.FindNumber($"{architecture}.rope.scale_linear")
                ?? 0);
        float scale = type == "none" || factor == 0 ? 1 : 1 / factor;
        long original = metadata.FindInteger($"{architecture}.rope.scaling.original_context_length") ?? context;
        float attention = (float)(metadata.FindNumber($"{architecture}.rope.scaling.attn_factor") ?? 1);

        // The factor that follows from the stretch alone is taken back by this one.
        if (traits.HasTemperature && type == "yarn" && factor > 1
            && metadata.FindNumber($"{architecture}.rope.scaling.yarn_log_multiplier") is { } sharpness and not 0)
        {
            attention /= (0.1f * (float)sharpness * MathF.Log(factor)) + 1;
        }

        return new RopeScaling(scale, type == "yarn", (int)Math.Clamp(original, 1, int.MaxValue), attention);
    }

    private static ModelFormatException Broken(IModelFile file, string problem) =>
        new(file.Path, null, problem + ".", "Convert the model again, or get it from another place.");
}
