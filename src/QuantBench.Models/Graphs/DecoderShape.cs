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
    private const int Logistic = 2; // of the key expert_gating_func

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the weights are random and what they give means nothing.</summary>
    public required bool IsSynthetic { get; init; }

    /// <summary>RoPE turns the pairs (i, i + n/2) instead of (2i, 2i + 1).</summary>
    public required bool NeoxRope { get; init; }

    /// <summary>Dimensions of a head that are rotated: the first ones, with latent attention the last ones.</summary>
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

    /// <summary>How experts are chosen and weighed.</summary>
    public required ExpertRouting Routing { get; init; }

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
        if (ExpertRefusal(metadata) is { } experts) return experts;
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

        if (!traits.HasLatentAttention && metadata.FindInteger($"{architecture}.attention.key_length")
            != metadata.FindInteger($"{architecture}.attention.value_length"))
        {
            return "keys and values of different width are not implemented";
        }

        foreach (string key in (string[])["attention.temperature_scale", "rope.scaling.yarn_log_multiplier"])
        {
            if (!traits.HasTemperature && metadata.FindNumber($"{architecture}.{key}") is { } value and not 0
                && !(traits.HasLatentAttention && key.EndsWith("multiplier", StringComparison.Ordinal)))
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
            if (traits.HasLatentAttention && name.Contains(".attn_", StringComparison.Ordinal)
                && name.EndsWith(".bias", StringComparison.Ordinal))
                return $"biases of latent attention ('{name}') are not implemented";
            if (name.Split(".ffn_gate.") is [_, [>= '0' and <= '9', ..]])
                return $"experts in tensors of their own ('{name}'), as old files have them, are read neither here nor by llama.cpp v0.5.0";
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
        LatentSizes? latent = traits.HasLatentAttention ? Latent() : null;
        int headWidth = latent?.CacheWidth ?? Number("attention.key_length", MaxWidth, Math.Max(embedding / heads, 1));
        int context = Number("context_length", int.MaxValue);
        int layers = Number("block_count", MaxLayers);
        if (heads % kvHeads != 0) throw Broken(file, $"{heads} heads can't share {kvHeads} key-value heads evenly");
        int rotated = latent?.RotatedWidth ?? Number("rope.dimension_count", headWidth, headWidth);
        if (rotated % 2 != 0) throw Broken(file, $"'{architecture}.rope.dimension_count' must be even, but is {rotated}");
        float ropeBase = Real("rope.freq_base", 10_000);
        float scale = latent is not null ? LatentScale(metadata, traits, architecture, latent.HeadWidth, context)
            : 1 / MathF.Sqrt(traits.WideQueryLayers == layers ? embedding / heads : headWidth);
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
        bool filesDecide = traits.Experts is { FilesDecide: true };
        int expertWidth = experts == 0 ? 0 : traits.Experts is { HasGgufWidth: true }
            ? NonZero(Optional("expert_feed_forward_length"), Math.Max(1, feedForward / used)) : feedForward;
        int vocabulary = file.Matrix(DecoderModule.GgufName(DecoderRole.Embedding), null, embedding).Rows;
        return new DecoderShape
        {
            Architecture = traits,
            Name = metadata.FindString(GgufConstants.Name) ?? architecture,
            IsSynthetic = SyntheticMark.IsOn(metadata),
            Vocabulary = vocabulary,
            TiesEmbeddings = !file.Contains($"{DecoderModule.GgufName(DecoderRole.Head)}.weight"),
            NeoxRope = !traits.RotatesNeighbours || (file.RotatesHalves && !traits.KeepsRowOrder),
            Layers = layers,
            Embedding = embedding,
            FeedForward = feedForward,
            Experts = experts,
            ExpertsUsed = used,
            ExpertFeedForward = expertWidth,
            SharedFeedForward = experts == 0 || traits.Experts is not { HasShared: true } ? 0
                : filesDecide ? checked(Optional("expert_shared_count") * expertWidth)
                : NonZero(Optional("expert_shared_feed_forward_length"), feedForward),
            LeadingDense = experts > 0 && filesDecide ? Math.Min(Optional("leading_dense_block_count"), layers) : 0,
            Routing = ReadRouting(metadata, architecture, traits, layers, vocabulary),
            Heads = heads,
            KvHeads = latent is null ? kvHeads : 1,
            HeadWidth = headWidth,
            Latent = latent,
            RotatedWidth = rotated,
            ContextLength = context,
            NormEpsilon = (float)(metadata.FindNumber($"{architecture}.{epsilon}")
                ?? throw Broken(file, $"'{architecture}.{epsilon}' is missing")),
            RopeBase = ropeBase,
            LocalRopeBase = Real("rope.freq_base_swa", traits.LocalRopeBase > 0 ? traits.LocalRopeBase : ropeBase),
            RopeScaling = ReadScaling(metadata, traits, architecture, context, latent is not null),
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

        // Older files give the widths of heads themselves.
        LatentSizes Latent()
        {
            int width = Number(Optional("attention.key_length_mla") > 0 ? "attention.key_length_mla" : "attention.key_length", MaxWidth);
            int rotatedPart = Number("rope.dimension_count", width - 1, width);
            return new LatentSizes(Optional("attention.q_lora_rank"), Number("attention.kv_lora_rank", MaxWidth), width - rotatedPart,
                rotatedPart,
                Number(Optional("attention.value_length_mla") > 0 ? "attention.value_length_mla" : "attention.value_length", MaxWidth));
        }
    }

    /// <summary>What of experts isn't computed; null when all is.</summary>
    /// <param name="metadata">Metadata of a known architecture.</param>
    internal static string? ExpertRefusal(GgufMetadata metadata)
    {
        string architecture = metadata.FindString(GgufConstants.Architecture) ?? "";
        if (DecoderArchitecture.Find(architecture) is not { } traits) return null;
        if (metadata.FindInteger($"{architecture}.expert_count") is not > 0)
        {
            return traits.Experts is { FilesDecide: false } own && own != ExpertTraits.Optional
                ? $"a {architecture} model without experts is not implemented" : null;
        }

        if (traits.Experts is null) return $"mixture-of-experts layers of '{architecture}' are not implemented";
        if (traits.Experts.FilesDecide)
        {
            long experts = metadata.FindInteger($"{architecture}.expert_count") ?? 0;
            long groups = metadata.FindInteger($"{architecture}.expert_group_count") ?? 0;
            long seen = metadata.FindInteger($"{architecture}.expert_group_used_count") ?? 0;
            return metadata.FindInteger($"{architecture}.expert_gating_func") is { } gate and not (>= 0 and <= Logistic)
                ? $"'{architecture}.expert_gating_func' of {gate} is not implemented"
                : groups > 1 && (experts % groups != 0 || experts / groups < 2 || seen < 1 || seen >= groups
                    || seen * (experts / groups) < (metadata.FindInteger($"{architecture}.expert_used_count") ?? 0))
                ? $"{experts} experts in {groups} groups, of which a token sees {seen}, are not computed" : null;
        }

        (string Key, double Usual)[] keys = [("expert_group_count", 1), ("expert_weights_scale", 1), ("expert_gating_func", 1),
            ("leading_dense_block_count", 0), ("expert_shared_count", traits.Experts.HasShared ? 1 : 0)];
        if (!traits.Experts.HasShared && metadata.FindInteger($"{architecture}.expert_shared_feed_forward_length") is > 0)
            return $"an expert that all tokens use ('expert_shared_feed_forward_length') is not implemented for {architecture}";
        foreach ((string key, double usual) in keys)
        {
            if (metadata.FindNumber($"{architecture}.{key}") is { } value && value != 0 && value != usual
                && !(key == "expert_gating_func" && traits.Experts.Weights == ExpertWeights.SoftmaxOfChosen && value == 3))
                return $"'{architecture}.{key}' of {value} is not implemented";
        }

        return null;
    }

    /// <summary>How a file's experts are chosen and weighed.</summary>
    private static ExpertRouting ReadRouting(GgufMetadata metadata, string architecture, DecoderArchitecture traits, int layers,
        int vocabulary)
    {
        if (traits.Experts is not { FilesDecide: true }) return new ExpertRouting(traits.Experts?.Weights ?? ExpertWeights.Softmax);
        long gate = metadata.FindInteger($"{architecture}.expert_gating_func") ?? 0;
        float scale = (float)(metadata.FindNumber($"{architecture}.expert_weights_scale") ?? 0);
        long groups = metadata.FindInteger($"{architecture}.expert_group_count") ?? 0;
        bool normalises = metadata.FindBoolean($"{architecture}.expert_weights_norm") ?? false;
        return new ExpertRouting(normalises ? ExpertWeights.Normalised : ExpertWeights.Softmax)
        {
            // llama.cpp knows one model by its sizes whose files don't say.
            IsLogistic = gate == Logistic || (gate == 0 && layers is 47 or 48 && vocabulary == 154_880),
            Groups = groups > 1 ? (int)groups : 1,
            GroupsUsed = groups > 1 ? (int)(metadata.FindInteger($"{architecture}.expert_group_used_count") ?? 1) : 1,
            Scale = NonZero(scale, 1),
        };
    }

    /// <summary>
    /// Factor of attention scores of latent attention. Its models are trained on with a sharpness that grows with the stretch; llama.cpp
    /// has a tenth of it in files, and takes the same from every kind of stretch.
    /// </summary>
    private static float LatentScale(GgufMetadata metadata, DecoderArchitecture traits, string architecture, int width, int context)
    {
        RopeScaling scaling = ReadScaling(metadata, traits, architecture, context, isLatent: true);
        float stretch = MathF.Log(1 / scaling.FrequencyScale);
        float sharpness = Sharpness(metadata, architecture) / 0.1f;
        float factor = scaling.AttentionFactor * (1 + (0.1f * stretch)) * (1 + (0.1f * sharpness * stretch));
        return factor * factor / MathF.Sqrt(width);
    }

    /// <summary>A tenth of the sharpness; 0 where the file has none.</summary>
    private static float Sharpness(GgufMetadata metadata, string architecture) =>
        (float)(metadata.FindNumber($"{architecture}.rope.scaling.yarn_log_multiplier") ?? 0);

    private static int NonZero(int value, int otherwise) => value == 0 ? otherwise : value;

    private static float NonZero(float value, float otherwise) => value == 0 ? otherwise : value;

    private static RopeScaling ReadScaling(GgufMetadata metadata, DecoderArchitecture traits, string architecture, int context,
        bool isLatent)
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

        // Where scores are sharpened, rotated parts aren't, too: this cancels what yarn gives them.
        if (isLatent && type == "yarn" && Sharpness(metadata, architecture) != 0) attention /= 1 + (0.1f * MathF.Log(1 / scale));
        return new RopeScaling(scale, type == "yarn", (int)Math.Clamp(original, 1, int.MaxValue), attention);
    }

    private static ModelFormatException Broken(IModelFile file, string problem) =>
        new(file.Path, null, problem + ".", "Convert the model again, or get it from another place.");
}
