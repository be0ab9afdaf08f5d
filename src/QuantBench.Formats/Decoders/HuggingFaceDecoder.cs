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
        if (_weights.Model.Tensors.TryGetValue($"{PathOf(module)}.weight", out Safetensors.SafetensorsTensorInfo? tensor)) _weights.Model.Release(tensor);
    }

    /// <inheritdoc/>
    public void Dispose() => _weights.Dispose();

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
        ImmutableArray<int> ends = json.Find("eos_token_id") is not { } end ? [] : end.IsArray ? [.. end.Items().Select(Token)] : [Token(end)];
        return new DecoderShape
        {
            Architecture = config.GgufArchitecture,
            Name = config.Name,
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
            NormsHeads = config.NormsHeads,
            BeginToken = json.Find("bos_token_id") is { } begin ? Token(begin) : null,
            EndTokens = ends,
        };

        int Token(ModelJson value) => value.AsInt32(0, config.VocabularySize - 1);
    }

    private static RotarySettings RotaryOf(HuggingFaceConfig config)
    {
        var plain = new RotarySettings { Base = (float)(config.RopeBase ?? 10_000) };
        if (config.RopeScaling is not { } scaling) return plain;
        if (scaling.Type == "llama3") return plain with { Factors = [.. HuggingFaceToGguf.RopeFactors(config)] };
        float factor = (float)scaling.Factor;
        if (scaling.Type == "linear") return plain with { PositionScale = 1 / factor };
        return plain with
        {
            PositionScale = 1 / factor,
            IsYarn = true,
            OriginalContextLength = scaling.Source.Get("original_max_position_embeddings").AsInt32(1, int.MaxValue),
            BetaFast = (float)(scaling.Source.Find("beta_fast")?.AsDouble() ?? 32),
            BetaSlow = (float)(scaling.Source.Find("beta_slow")?.AsDouble() ?? 1),
            Magnitude = (float)(scaling.Source.Find("attention_factor")?.AsDouble() ?? (0.1 * Math.Log(factor)) + 1),
        };
    }
}
