using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Architectures;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Graphs;

/// <summary>A GGUF file, whole or split.</summary>
public sealed unsafe class GgufModelFile : IModelFile
{
    private readonly GgufReader _file;

    /// <summary>Opens a file.</summary>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="QuantBenchException">It can't be opened or isn't GGUF.</exception>
    public GgufModelFile(string path) => _file = GgufReader.Open(path);

    /// <inheritdoc />
    public string Path => _file.Files[0];

    /// <inheritdoc />
    public GgufMetadata Metadata => _file.Metadata;

    /// <inheritdoc />
    public IEnumerable<string> TensorNames => _file.Tensors.Select(tensor => tensor.Name);

    /// <inheritdoc />
    public bool RotatesHalves => false;

    /// <inheritdoc />
    public long ParameterCount => _file.ParameterCount;

    /// <inheritdoc />
    public long TensorBytes => _file.TensorBytes;

    /// <inheritdoc />
    public string? Unreadable()
    {
        GgufTensorInfo? unknown = _file.Tensors.FirstOrDefault(tensor => GgmlTypes.Get(tensor.Type).Codec is null);
        return unknown is null ? null : $"tensors of type {unknown.Type} ('{unknown.Name}') are not implemented";
    }

    /// <inheritdoc />
    public bool Contains(string name) => _file.Find(name) is not null;

    /// <inheritdoc />
    public WeightMatrix Matrix(string name, int? rows, int columns)
    {
        GgufTensorInfo tensor = Find(name + ".weight");
        if (tensor.Dimensions.Length != 2 || tensor.Dimensions[0] != columns || tensor.Dimensions[1] is < 1 or > int.MaxValue / 4
            || (rows is { } wanted && tensor.Dimensions[1] != wanted))
        {
            throw Wrong(tensor, rows is null ? $"rows of {columns}" : $"[{columns}, {rows}]");
        }

        return Factor(name) is { } factor
            ? new WeightMatrix(new FactoredMatrix(new GgufMatrix(_file, tensor, 0), factor, sizeof(float)))
            : new WeightMatrix(Start(tensor), tensor.Type, (int)tensor.Dimensions[1], columns);
    }

    /// <inheritdoc />
    public WeightMatrix[] Matrices(string name, int count, int rows, int columns)
    {
        GgufTensorInfo tensor = Find(name + ".weight");
        if (!tensor.Dimensions.AsSpan().SequenceEqual([columns, rows, count])) throw Wrong(tensor, $"[{columns}, {rows}, {count}]");
        var all = new WeightMatrix(Start(tensor), tensor.Type, rows, columns);
        return [.. Enumerable.Range(0, count).Select(i => all.Moved(i))];
    }

    /// <inheritdoc />
    public IWeightMatrix Matrix(DecoderModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        _ = Matrix(module.Gguf, checked((int)module.Rows), checked((int)module.Columns));
        var matrix = new GgufMatrix(_file, Find($"{module.Gguf}.weight"), module.PermutedHeads);
        return Factor(module.Gguf) is { } factor ? new FactoredMatrix(matrix, factor, sizeof(float)) : matrix;
    }

    /// <inheritdoc />
    public void Release(DecoderModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        if (_file.Find($"{module.Gguf}.weight") is { } tensor) _file.Release(tensor);
    }

    /// <inheritdoc />
    public float[] Vector(string name, int length)
    {
        GgufTensorInfo tensor = Find(name);
        if (tensor.ElementCount != length) throw Wrong(tensor, $"{length} elements");
        float[] values = new float[length];
        GgmlTypes.Codec(tensor.Type).DequantizeScalar(_file.Span(tensor), values);
        return values;
    }

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();

    private GgufTensorInfo Find(string name)
    {
        GgufTensorInfo tensor = _file.Find(name)
            ?? throw new ModelFormatException(Path, null, $"the tensor '{name}' is missing.", "Convert the model again.");
        return GgmlTypes.Get(tensor.Type).Codec is not null ? tensor
            : throw new UnsupportedException(Path, $"tensors of type {tensor.Type} ('{name}') are not implemented.");
    }

    /// <summary>The number that a matrix is multiplied by, which lies beside it; null when there is none.</summary>
    private float? Factor(string name) => _file.Find($"{name}.scale") is null ? null : Vector($"{name}.scale", 1)[0];

    // The span was checked against the file; the map doesn't move, so its address stays good until the file is disposed.
    private byte* Start(GgufTensorInfo tensor)
    {
        fixed (byte* start = _file.Span(tensor, 0, (int)Math.Min(tensor.ByteSize, 1))) return start;
    }

    private ModelFormatException Wrong(GgufTensorInfo tensor, string expected) => new(
        _file.Files[tensor.Part], tensor.Offset,
        $"tensor '{tensor.Name}' should have {expected}, but is [{string.Join(", ", tensor.Dimensions)}].", "Convert the model again.");
}
