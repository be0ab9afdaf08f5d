using System.Buffers;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Scaled;

/// <summary>
/// A matrix of small floats or whole numbers, row by row, with a scale for each group: <c>x = scale · (element − zero)</c> in single
/// precision. What MLX's float modes, compressed-tensors, ModelOpt and FP8 checkpoints have in common.
/// </summary>
internal sealed class ScaledMatrix : IWeightMatrix
{
    private readonly SafetensorsModel _model;
    private readonly SafetensorsTensorInfo _elements;
    private readonly ElementCode _code;
    private readonly ScaleGrid _scales;
    private readonly long _rowBytes;

    /// <param name="model">The weights.</param>
    /// <param name="elements">The elements; their first dimension are rows.</param>
    /// <param name="code">How they are stored.</param>
    /// <param name="columns">Elements per row.</param>
    /// <param name="scales">Their scales.</param>
    /// <param name="bytes">Bytes of all tensors of the matrix.</param>
    /// <exception cref="ModelFormatException">There are fewer bytes than elements.</exception>
    public ScaledMatrix(SafetensorsModel model, SafetensorsTensorInfo elements, ElementCode code, int columns, ScaleGrid scales, long bytes)
    {
        (_model, _elements, _code, _scales, Rows, Columns, ByteSize) =
            (model, elements, code, scales, (int)elements.Shape[0], columns, bytes);
        _rowBytes = elements.ByteSize / Rows;
        if (columns > _rowBytes * PerByte)
            throw MatrixShape.Wrong(model, elements, $"has {_rowBytes} bytes per row, too few for {columns} elements.");
    }

    /// <inheritdoc/>
    public int Rows { get; }

    /// <inheritdoc/>
    public int Columns { get; }

    /// <inheritdoc/>
    public long ByteSize { get; }

    /// <summary>Zero points, [rows, groups]; null = all are 0.</summary>
    public sbyte[]? Zeros { get; init; }

    /// <summary>Group of each column; null = they follow each other.</summary>
    public int[]? GroupOf { get; init; }

    /// <summary>How it is stored, in words.</summary>
    public string Kind
    {
        get
        {
            string element = _code switch
            {
                ElementCode.E2M1 or ElementCode.E4M3 or ElementCode.E5M2 => _code.ToString(),
                ElementCode.Offset4 => "4 bits",
                _ => "8 bits",
            };
            bool isRow = _scales.GroupColumns == Columns;
            return GroupOf is not null ? $"{element}, act-order"
                : _scales.GroupRows == 1 ? $"{element}, {(isRow ? "scale per row" : $"groups of {_scales.GroupColumns}")}"
                : _scales.GroupRows >= Rows && isRow ? $"{element}, one scale"
                : $"{element}, blocks of {_scales.GroupRows}x{_scales.GroupColumns}";
        }
    }

    private int PerByte => _code is ElementCode.E2M1 or ElementCode.Offset4 ? 2 : 1;

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        for (int i = 0; i < rowCount; i++) Read(firstRow + i, 0, output.Slice(i * Columns, Columns));
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        if (output.Length > 0) Read(row, firstColumn, output);
    }

    private void Read(int row, int firstColumn, Span<float> output)
    {
        int bytes = (output.Length + PerByte - 1) / PerByte;
        Decode(_model.Span(_elements, (row * _rowBytes) + (firstColumn / PerByte), bytes), output);
        int size = _scales.GroupColumns;
        int first = GroupOf is null ? firstColumn / size : 0;
        int groups = GroupOf is null ? ((firstColumn + output.Length - 1) / size) - first + 1 : _scales.Across;
        float[] rented = ArrayPool<float>.Shared.Rent(groups);
        Span<float> scales = rented.AsSpan(0, groups);
        _scales.Read(row, first, scales);
        ReadOnlySpan<sbyte> zeros = Zeros is null ? [] : Zeros.AsSpan((row * _scales.Across) + first, groups);
        if (GroupOf is null)
        {
            for (int g = 0; g < groups; g++)
            {
                int from = Math.Max(((first + g) * size) - firstColumn, 0);
                int to = (int)Math.Min(((first + g + 1L) * size) - firstColumn, output.Length);
                Scale(output[from..to], scales[g], zeros.IsEmpty ? 0 : zeros[g]);
            }
        }
        else
        {
            for (int i = 0; i < output.Length; i++)
            {
                int g = GroupOf[firstColumn + i];
                output[i] = (output[i] - (zeros.IsEmpty ? 0 : zeros[g])) * scales[g];
            }
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    private static void Scale(Span<float> values, float scale, int zero)
    {
        if (zero == 0) foreach (ref float value in values) value *= scale;
        else foreach (ref float value in values) value = (value - zero) * scale;
    }

    private void Decode(ReadOnlySpan<byte> stored, Span<float> output)
    {
        switch (_code)
        {
            case ElementCode.E2M1:
                for (int i = 0; i < output.Length; i++) output[i] = SmallFloats.E2M1[stored[i / 2] >> (4 * (i & 1)) & 15];
                break;
            case ElementCode.E4M3:
                for (int i = 0; i < output.Length; i++) output[i] = SmallFloats.E4M3[stored[i]];
                break;
            case ElementCode.E5M2:
                for (int i = 0; i < output.Length; i++) output[i] = SmallFloats.E5M2[stored[i]];
                break;
            case ElementCode.Int8:
                for (int i = 0; i < output.Length; i++) output[i] = (sbyte)stored[i];
                break;
            case ElementCode.Offset4:
                for (int i = 0; i < output.Length; i++) output[i] = (stored[i / 2] >> (4 * (i & 1)) & 15) - 8;
                break;
            default:
                for (int i = 0; i < output.Length; i++) output[i] = stored[i] - 128;
                break;
        }
    }
}
