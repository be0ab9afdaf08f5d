using System.Collections.Frozen;
using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Architectures;
using QuantBench.Models.Conversion;
using QuantBench.Models.Directories;
using QuantBench.Models.Graphs;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Decoders;

/// <summary>A decoder in a Hugging Face directory of float weights.</summary>
internal sealed class HuggingFaceDecoder : IDecoderWeights
{
    private readonly DirectoryModel _model;
    private readonly FrozenDictionary<string, DecoderModule> _modules;

    private HuggingFaceDecoder(DirectoryModel model, HuggingFaceConfig config, string directory)
    {
        _model = model;
        _modules = DecoderModules.Of(config);
        Shape = DecoderShape.Read(model);
        RopeFactors = RotaryFactors.Read(model, Shape);
        ModelJson json = ModelJson.ReadFile(System.IO.Path.Combine(directory, "config.json"));
        BeginToken = json.Find("bos_token_id") is { } begin ? Token(begin) : null;
        EndTokens = json.Find("eos_token_id") is not { } end ? [] : end.IsArray ? [.. end.Items().Select(Token)] : [Token(end)];

        int Token(ModelJson value) => value.AsInt32(0, config.Vocabulary - 1);
    }

    /// <inheritdoc/>
    public string Path => _model.Path;

    /// <inheritdoc/>
    public DecoderShape Shape { get; }

    /// <inheritdoc/>
    public RotaryFactors RopeFactors { get; }

    /// <inheritdoc/>
    public int? BeginToken { get; }

    /// <inheritdoc/>
    public ImmutableArray<int> EndTokens { get; }

    /// <exception cref="QuantBenchException">It can't be opened, is broken, or isn't a decoder of a known family.</exception>
    public static HuggingFaceDecoder Open(string directory)
    {
        HuggingFaceConfig config = HuggingFaceConfig.Read(directory);
        if (Missing(config) is { } missing)
            throw new UnsupportedException(System.IO.Path.Combine(directory, "config.json"),
                $"{missing} can't be exported; plain llama, mistral, qwen2 and qwen3 decoders can.");
        DirectoryModel model = DirectoryModel.Open(directory);
        try
        {
            // The plan checks every shape, and that no tensor is there which the graph wouldn't use.
            _ = TensorPlan.Make(config, model.Tensors, directory);
            return new HuggingFaceDecoder(model, config, directory);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IWeightMatrix Matrix(string module) => _model.Matrix(_modules[module].Gguf);

    /// <inheritdoc/>
    public float[]? Bias(string module, int length)
    {
        string name = $"{_modules[module].Gguf}.bias";
        return _model.Contains(name) ? _model.Vector(name, length) : null;
    }

    /// <inheritdoc/>
    public float[] Norm(string module, int length) => _model.Vector($"{_modules[module].Gguf}.weight", length);

    /// <inheritdoc/>
    public void Release(string module)
    {
        if (_model.Tensors.Tensors.TryGetValue($"{_modules[module].HuggingFace}.weight", out SafetensorsTensorInfo? tensor))
            _model.Tensors.Release(tensor);
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    // What the exported graphs have no nodes for.
    private static string? Missing(HuggingFaceConfig config) =>
        !config.Architecture.AsGguf().IsPlain ? $"a {config.Architecture.Name} model"
        : config.Window is { } window && window < config.ContextLength && config.Architecture.UsesWindow
            ? $"a sliding window of {window} tokens"
        : config.Rope.RotatedSize != config.HeadWidth ? "a rotation of a part of each head"
        : null;
}
