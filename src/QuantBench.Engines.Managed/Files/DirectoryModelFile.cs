using QuantBench.Core.Errors;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.Formats.Weights;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Managed.Files;

/// <summary>A directory of safetensors: floats, MLX, GPTQ or AWQ. Float matrices are read where they are mapped, packed ones row by
/// row.</summary>
internal sealed unsafe class DirectoryModelFile : IModelFile
{
    private readonly DirectoryModel _model;

    /// <param name="path">Path of the directory.</param>
    /// <exception cref="QuantBenchException">A file is missing or broken, or the model is of a kind that isn't read.</exception>
    public DirectoryModelFile(string path) => (Path, _model) = (path, DirectoryModel.Open(path));

    /// <inheritdoc />
    public string Path { get; }

    /// <inheritdoc />
    public GgufMetadata Metadata => _model.Metadata;

    /// <inheritdoc />
    public IEnumerable<string> TensorNames => _model.TensorNames;

    /// <inheritdoc />
    public bool RotatesHalves => true;

    /// <inheritdoc />
    public long ParameterCount => _model.ParameterCount;

    /// <inheritdoc />
    public long TensorBytes => _model.TensorBytes;

    /// <inheritdoc />
    public Support CanRead() => Support.Yes; // What can't be read was refused when the directory was opened.

    /// <inheritdoc />
    public bool Contains(string name) => _model.Contains(name);

    /// <inheritdoc />
    public WeightMatrix Matrix(string name, int? rows, int columns)
    {
        IWeightMatrix matrix = _model.Matrix(name);
        if (matrix.Columns != columns || (rows is { } wanted && matrix.Rows != wanted))
        {
            throw new ModelFormatException(Path, null,
                $"the weights of '{name}' have the shape [{matrix.Rows}, {matrix.Columns}]; rows of {columns} were expected.");
        }

        if (matrix is not FloatMatrix floats) return new WeightMatrix(matrix);
        GgmlType type = floats.DType switch
        {
            SafetensorsDType.F32 => GgmlType.F32,
            SafetensorsDType.F16 => GgmlType.F16,
            _ => GgmlType.BF16,
        };

        // The map doesn't move, so a row's address stays good until the model is disposed.
        fixed (byte* start = floats.Row(0)) return new WeightMatrix(start, type, matrix.Rows, columns);
    }

    /// <inheritdoc />
    public void CopyVector(string name, int length, float* target) => _model.Vector(name, length).CopyTo(new Span<float>(target, length));

    /// <inheritdoc />
    public void Dispose() => _model.Dispose();
}
