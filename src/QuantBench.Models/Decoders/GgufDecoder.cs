using System.Collections.Frozen;
using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Architectures;
using QuantBench.Models.Graphs;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Decoders;

/// <summary>A decoder in a GGUF file, of floats or quantized.</summary>
internal sealed class GgufDecoder : IDecoderWeights
{
    private readonly GgufModelFile _file;
    private readonly FrozenDictionary<string, DecoderModule> _modules;

    private GgufDecoder(GgufModelFile file)
    {
        _file = file;
        Check(file);
        Shape = DecoderShape.Read(file);
        _modules = DecoderModules.Of(Shape);
        CheckShape(file, Shape, _modules.Values);
        RopeFactors = RotaryFactors.Read(file, Shape);
        BeginToken = TokenOf("tokenizer.ggml.bos_token_id");
        EndTokens = TokenOf("tokenizer.ggml.eos_token_id") is { } end ? [end] : [];

        int? TokenOf(string key) => file.Metadata.FindInteger(key) is { } id && id >= 0 && id < Shape.Vocabulary ? (int)id : null;
    }

    /// <inheritdoc/>
    public string Path => _file.Path;

    /// <inheritdoc/>
    public DecoderShape Shape { get; }

    /// <inheritdoc/>
    public RotaryFactors RopeFactors { get; }

    /// <inheritdoc/>
    public int? BeginToken { get; }

    /// <inheritdoc/>
    public ImmutableArray<int> EndTokens { get; }

    /// <exception cref="QuantBenchException">It can't be opened, is broken, or isn't a decoder of a known family.</exception>
    public static GgufDecoder Open(string path)
    {
        var file = new GgufModelFile(path);
        try
        {
            return new GgufDecoder(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IWeightMatrix Matrix(string module)
    {
        DecoderModule wanted = _modules[module];
        GgufTensorInfo tensor = Find($"{wanted.Gguf}.weight");
        if (tensor.Dimensions.Length != 2 || tensor.Dimensions[0] != wanted.Columns || tensor.Dimensions[1] != wanted.Rows)
        {
            throw Wrong(tensor, $"has the dimensions [{string.Join(", ", tensor.Dimensions)}], but by the metadata they are "
                + $"[{wanted.Columns}, {wanted.Rows}].");
        }

        if (GgmlTypes.Get(tensor.Type).Codec is null) throw Wrong(tensor, $"is of type {tensor.Type}, which holds no weights.");
        return new GgufMatrix(_file.Reader, tensor, wanted.PermutedHeads);
    }

    /// <inheritdoc/>
    public float[]? Bias(string module, int length)
    {
        DecoderModule wanted = _modules[module];
        if (!_file.Contains($"{wanted.Gguf}.bias")) return null;
        float[] stored = Vector($"{wanted.Gguf}.bias", length);
        if (wanted.PermutedHeads == 0) return stored;
        int size = length / wanted.PermutedHeads;
        float[] values = new float[length];
        for (int i = 0; i < length; i++)
        {
            (int half, int pair) = Math.DivRem(i % size, size / 2);
            values[i] = stored[(i / size * size) + (2 * pair) + half];
        }

        return values;
    }

    /// <inheritdoc/>
    public float[] Norm(string module, int length) => Vector($"{_modules[module].Gguf}.weight", length);

    /// <inheritdoc/>
    public void Release(string module)
    {
        if (_file.Reader.Find($"{_modules[module].Gguf}.weight") is { } tensor) _file.Reader.Release(tensor);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private float[] Vector(string name, int length)
    {
        GgufTensorInfo tensor = Find(name);
        if (tensor.ElementCount != length) throw Wrong(tensor, $"has {tensor.ElementCount} elements; {length} were expected.");
        if (tensor.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
            throw Wrong(tensor, $"is of type {tensor.Type}, not of floats.");
        return _file.Vector(name, length);
    }

    private GgufTensorInfo Find(string name) =>
        _file.Reader.Find(name)
            ?? throw new ModelFormatException(_file.Path, null, $"the tensor '{name}' is missing.",
                "Convert the model again, or get it from another place.");

    private ModelFormatException Wrong(GgufTensorInfo tensor, string problem) =>
        new(_file.Reader.Files[tensor.Part], tensor.Offset, $"the tensor '{tensor.Name}' {problem}");

    // What the exported graphs have no nodes for.
    private static void Check(GgufModelFile file)
    {
        GgufMetadata metadata = file.Metadata;
        string architecture = metadata.FindString(GgufConstants.Architecture) ?? "";
        if (DecoderArchitecture.Find(architecture) is not { IsPlain: true })
            throw Refused(file, $"the architecture '{architecture}' is not exported; llama (with mistral), qwen2 and qwen3 are.");
        if (DecoderShape.IsEncoder(metadata))
            throw Refused(file, "it is an encoder ('attention.causal' is false); decoders are exported.");
        if (metadata.FindInteger($"{architecture}.expert_count") is > 0) throw Refused(file, "models with experts are not exported.");
        if (metadata.FindString($"{architecture}.rope.scaling.type") is { } type && type is not ("none" or "linear" or "yarn"))
            throw Refused(file, $"the rotary scaling '{type}' is not exported; linear and yarn are.");
    }

    private static void CheckShape(GgufModelFile file, DecoderShape shape, IEnumerable<DecoderModule> modules)
    {
        string architecture = shape.Architecture.Name;
        if (shape.HeadWidth % 2 != 0) throw Refused(file, $"the head size {shape.HeadWidth} is odd; rotary positions need pairs.");
        if ((file.Metadata.FindInteger($"{architecture}.attention.value_length") ?? shape.HeadWidth) != shape.HeadWidth)
            throw Refused(file, "keys and values of different width are not exported.");
        if (shape.RotatedWidth != shape.HeadWidth) throw Refused(file, "models that rotate a part of each head are not exported.");
        HashSet<string> known = [.. modules.Select(module => $"{module.Gguf}.weight"),
            .. modules.Where(module => !module.IsNorm && module.Role > DecoderRole.FinalNorm).Select(module => $"{module.Gguf}.bias"),
            "rope_freqs.weight"];
        if (file.TensorNames.Where(name => !known.Contains(name)).Order(StringComparer.Ordinal).FirstOrDefault() is { } unknown)
            throw Refused(file, $"the tensor '{unknown}' has no place in a {architecture} decoder.");
    }

    private static UnsupportedException Refused(GgufModelFile file, string reason) => new(file.Path, reason);
}
