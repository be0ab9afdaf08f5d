using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Conversion;
using QuantBench.Formats.Files;
using QuantBench.Formats.Weights;

namespace QuantBench.Formats.Decoders;

/// <summary>A decoder in a Hugging Face directory of float weights.</summary>
internal sealed class HuggingFaceDecoder : IDecoderWeights
{
    private readonly SafetensorsWeights _weights;

    private HuggingFaceDecoder(SafetensorsWeights weights, DecoderShape shape) => (_weights, Shape) = (weights, shape);

    /// <inheritdoc/>
    public DecoderShape Shape { get; }

    /// <exception cref="QuantBenchException">It can't be opened, is broken, or isn't a decoder of a known family.</exception>
    public static HuggingFaceDecoder Open(string directory)
    {
        HuggingFaceConfig config = HuggingFaceConfig.Read(directory);
        if (Missing(config) is { } missing)
            throw new ModelFormatException(Path.Combine(directory, "config.json"), null,
                $"{missing} can't be exported; plain llama, mistral, qwen2 and qwen3 decoders can.");
        SafetensorsWeights weights = SafetensorsWeights.Open(directory);
        try
        {
            // The plan checks every shape, and that no tensor is there which the graph wouldn't use.
            _ = TensorPlan.Make(config, weights.Model, directory);
            return new HuggingFaceDecoder(weights, ShapeOf(config, directory));
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IWeightMatrix Matrix(string module) => _weights.Matrix(PathOf(module));

    /// <inheritdoc/>
    public float[]? Bias(string module, int length)
    {
        string name = $"{PathOf(module)}.bias";
        return _weights.HasVector(name) ? _weights.Vector(name, length) : null;
    }

    /// <inheritdoc/>
    public float[] Norm(string module, int length) => _weights.Vector($"{PathOf(module)}.weight", length);

    /// <inheritdoc/>
    public void Release(string module)
    {
        if (_weights.Model.Tensors.TryGetValue($"{PathOf(module)}.weight", out Safetensors.SafetensorsTensorInfo? tensor))
            _weights.Model.Release(tensor);
    }

    /// <inheritdoc/>
    public void Dispose() => _weights.Dispose();

    // What the exported graphs have no nodes for.
    private static string? Missing(HuggingFaceConfig config) =>
        config.Architecture.Gguf is not ("llama" or "qwen2" or "qwen3") ? $"a {config.Architecture.Native} model"
        : config.Window is { } window && window < config.ContextLength && config.Architecture.Window == HuggingFaceWindow.EveryLayer
            ? $"a sliding window of {window} tokens"
        : config.Rope.RotatedSize != config.HeadSize ? "a rotation of a part of each head"
        : null;

    private static string PathOf(string module)
    {
        if (module == DecoderModules.Head) return module;
        string part = module[(module.LastIndexOf('.') + 1)..];
        string parent = part switch
        {
            "q_proj" or "k_proj" or "v_proj" or "o_proj" or "q_norm" or "k_norm" => "self_attn.",
            "gate_proj" or "up_proj" or "down_proj" => "mlp.",
            _ => "",
        };
        return $"model.{module[..^part.Length]}{parent}{part}";
    }

    private static DecoderShape ShapeOf(HuggingFaceConfig config, string directory)
    {
        ModelJson json = ModelJson.ReadFile(Path.Combine(directory, "config.json"));
        ImmutableArray<int> ends = json.Find("eos_token_id") is not { } end ? []
            : end.IsArray ? [.. end.Items().Select(Token)] : [Token(end)];
        return new DecoderShape
        {
            Architecture = config.Architecture.Gguf,
            Name = config.Name,
            IsSynthetic = config.IsSynthetic,
            Vocabulary = config.VocabularySize,
            Hidden = config.HiddenSize,
            Intermediate = config.IntermediateSize,
            Layers = config.LayerCount,
            Heads = config.HeadCount,
            KeyValueHeads = config.KeyValueHeadCount,
            HeadSize = config.HeadSize,
            ContextLength = config.ContextLength,
            NormEpsilon = (float)config.NormEpsilon,
            Rotary = RotaryOf(config),
            TiesEmbeddings = config.TiesEmbeddings,
            NormsHeads = config.Architecture.HasHeadNorms,
            BeginToken = json.Find("bos_token_id") is { } begin ? Token(begin) : null,
            EndTokens = ends,
        };

        int Token(ModelJson value) => value.AsInt32(0, config.VocabularySize - 1);
    }

    private static RotarySettings RotaryOf(HuggingFaceConfig config)
    {
        HuggingFaceRope rope = config.Rope;
        var plain = new RotarySettings { Base = (float)(rope.Base ?? 10_000) };
        if (rope.Type is null || rope.Source is not { } source) return plain;
        if (rope.Type == "llama3") return plain with { Factors = [.. rope.Tensors(config.HeadSize).Single().Factors] };
        float factor = (float)rope.Factor;
        if (rope.Type == "linear") return plain with { PositionScale = 1 / factor };
        return plain with
        {
            PositionScale = 1 / factor,
            IsYarn = true,
            OriginalContextLength = source.Get("original_max_position_embeddings").AsInt32(1, int.MaxValue),
            BetaFast = (float)(source.Find("beta_fast")?.AsDouble() ?? 32),
            BetaSlow = (float)(source.Find("beta_slow")?.AsDouble() ?? 1),
            Magnitude = (float)(source.Find("attention_factor")?.AsDouble() ?? (0.1 * Math.Log(factor)) + 1),
        };
    }
}
