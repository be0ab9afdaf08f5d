using QuantBench.Core.Errors;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Weights;

/// <summary>A matrix of F32, F16 or BF16, mapped from a safetensors file.</summary>
public sealed class FloatMatrix : IWeightMatrix
{
    private readonly SafetensorsModel _model;
    private readonly SafetensorsTensorInfo _tensor;
    private readonly IBlockCodec _codec;

    private FloatMatrix(SafetensorsModel model, SafetensorsTensorInfo tensor, int rows, int columns)
    {
        (_model, _tensor, Rows, Columns) = (model, tensor, rows, columns);
        _codec = CodecOf(tensor.DType);
    }

    /// <inheritdoc/>
    public int Rows { get; }

    /// <inheritdoc/>
    public int Columns { get; }

    /// <inheritdoc/>
    public long ByteSize => _tensor.ByteSize;

    /// <summary>Element type: F32, F16 or BF16.</summary>
    public SafetensorsDType DType => _tensor.DType;

    /// <summary>Opens a matrix.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie, for messages.</param>
    /// <param name="tensor">Name of the tensor.</param>
    /// <exception cref="ModelFormatException">It is missing or isn't a matrix of floats.</exception>
    public static FloatMatrix Open(SafetensorsModel model, string directory, string tensor) => Open(model, directory, tensor, 0);

    /// <summary>Opens matrices of one shape, one behind the other in a tensor, as one.</summary>
    /// <inheritdoc cref="Open(SafetensorsModel, string, string)"/>
    internal static FloatMatrix Open(SafetensorsModel model, string directory, string tensor, int stacked)
    {
        (SafetensorsTensorInfo info, int rows, int columns) =
            MatrixShape.Require(model, directory, tensor, stacked, SafetensorsDType.F32, SafetensorsDType.F16, SafetensorsDType.BF16);
        return new FloatMatrix(model, info, rows, columns);
    }

    /// <summary>Stored bytes of a row, valid until the model is disposed.</summary>
    /// <param name="row">The row.</param>
    public ReadOnlySpan<byte> Row(int row) =>
        _model.Span(_tensor, (long)row * Columns * _tensor.ElementBytes, Columns * _tensor.ElementBytes);

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        for (int i = 0; i < rowCount; i++) _codec.Dequantize(Row(firstRow + i), output.Slice(i * Columns, Columns));
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        _codec.Dequantize(Row(row).Slice(firstColumn * _tensor.ElementBytes, output.Length * _tensor.ElementBytes), output);
    }

    /// <summary>The same rows as ggml's blocks, valid until the model is disposed: its map doesn't move.</summary>
    internal unsafe WeightMatrix AsBlocks()
    {
        fixed (byte* start = Row(0)) return new WeightMatrix(start, TypeOf(DType), Rows, Columns);
    }

    /// <summary>The codec of a float type.</summary>
    internal static IBlockCodec CodecOf(SafetensorsDType type) => GgmlTypes.Codec(TypeOf(type));

    private static GgmlType TypeOf(SafetensorsDType type) => type switch
    {
        SafetensorsDType.F32 => GgmlType.F32,
        SafetensorsDType.F16 => GgmlType.F16,
        SafetensorsDType.BF16 => GgmlType.BF16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a float type that is read"),
    };
}
