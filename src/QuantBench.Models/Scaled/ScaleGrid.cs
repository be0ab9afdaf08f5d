using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Scaled;

/// <summary>The scales of a matrix: one for each rectangle of its elements.</summary>
internal sealed class ScaleGrid
{
    private readonly SafetensorsModel _model;
    private readonly SafetensorsTensorInfo _tensor;
    private readonly float _factor;
    private readonly bool _divides;
    private readonly int _across;

    private readonly SafetensorsDType _type;

    private ScaleGrid(SafetensorsModel model, SafetensorsTensorInfo tensor, SafetensorsDType type, int rows, int columns, int across,
        float factor, bool divides)
    {
        (_model, _tensor, _type, GroupRows, GroupColumns, _across, _factor, _divides) =
            (model, tensor, type, rows, columns, across, factor, divides);
    }

    /// <summary>Rows that share a scale.</summary>
    public int GroupRows { get; }

    /// <summary>Columns that share a scale.</summary>
    public int GroupColumns { get; }

    /// <summary>Scales across a row.</summary>
    public int Across => _across;

    /// <summary>Opens the scales of a matrix.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie, for messages.</param>
    /// <param name="name">Name of their tensor.</param>
    /// <param name="rows">The matrix' rows.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="block">Rows and columns that share a scale, where the shape doesn't tell it; a 0 = it does.</param>
    /// <param name="factor">A number that all scales are multiplied by, or divided.</param>
    /// <param name="divides">Whether they are divided.</param>
    /// <param name="isE4M3">Whether plain bytes are E4M3 and not powers of two.</param>
    /// <exception cref="ModelFormatException">It is missing, of another type, or of a shape that doesn't fit the matrix.</exception>
    public static ScaleGrid Open(SafetensorsModel model, string directory, string name, int rows, int columns,
        (int Rows, int Columns) block, float factor = 1, bool divides = false, bool isE4M3 = false)
    {
        if (!model.Tensors.TryGetValue(name, out SafetensorsTensorInfo? tensor))
        {
            throw new ModelFormatException(directory, null, $"the tensor '{name}' is missing.",
                "The model's files don't belong together; fetch them again.");
        }

        return Open(model, tensor, rows, columns, block, factor, divides, isE4M3);
    }

    /// <summary>Opens the scales that a tensor holds.</summary>
    /// <inheritdoc cref="Open(SafetensorsModel, string, string, int, int, ValueTuple{int, int}, float, bool, bool)"/>
    public static ScaleGrid Open(SafetensorsModel model, SafetensorsTensorInfo tensor, int rows, int columns,
        (int Rows, int Columns) block, float factor = 1, bool divides = false, bool isE4M3 = false)
    {
        if (tensor.DType is not (SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16 or SafetensorsDType.F8_E4M3
            or SafetensorsDType.F8_E8M0 or SafetensorsDType.U8))
        {
            throw MatrixShape.Wrong(model, tensor, $"is of type {tensor.DType}, which scales aren't.");
        }

        (long down, long across) = tensor.Shape.Length switch
        {
            0 => (1, 1),
            1 => (tensor.Shape[0], 1),
            2 => (tensor.Shape[0], tensor.Shape[1]),
            _ => (0L, 0L),
        };
        int perRows = block.Rows > 0 ? block.Rows : down == rows ? 1 : rows;
        int perColumns = block.Columns > 0 ? Math.Min(block.Columns, columns)
            : across > 0 && columns % across == 0 ? (int)(columns / across) : 0;
        if (perColumns == 0 || down != Parts(rows, perRows) || across != Parts(columns, perColumns))
        {
            throw MatrixShape.Wrong(model, tensor,
                $"has the shape [{string.Join(", ", tensor.Shape)}], which doesn't fit a matrix of [{rows}, {columns}].");
        }

        SafetensorsDType type = isE4M3 && tensor.DType == SafetensorsDType.U8 ? SafetensorsDType.F8_E4M3 : tensor.DType;
        return new ScaleGrid(model, tensor, type, perRows, perColumns, (int)across, factor, divides);
    }

    /// <summary>Scales of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="first">First group across it.</param>
    /// <param name="scales">Receives the scales of that group and the following.</param>
    public void Read(int row, int first, Span<float> scales)
    {
        ReadOnlySpan<byte> stored = _model.Span(_tensor, ((long)(row / GroupRows) * _across + first) * _tensor.ElementBytes,
            scales.Length * _tensor.ElementBytes);
        switch (_type)
        {
            case SafetensorsDType.F8_E4M3:
                for (int i = 0; i < scales.Length; i++) scales[i] = SmallFloats.E4M3[stored[i]];
                break;
            case SafetensorsDType.U8 or SafetensorsDType.F8_E8M0:
                for (int i = 0; i < scales.Length; i++) scales[i] = SmallFloats.E8M0[stored[i]];
                break;
            default:
                FloatMatrix.CodecOf(_type).Dequantize(stored, scales);
                break;
        }

        if (_divides) foreach (ref float scale in scales) scale /= _factor;
        else if (_factor != 1) foreach (ref float scale in scales) scale *= _factor;
    }

    /// <summary>A tensor of a single float.</summary>
    /// <exception cref="ModelFormatException">It is missing or something else.</exception>
    public static float Single(SafetensorsModel model, string directory, string name)
    {
        if (!model.Tensors.TryGetValue(name, out SafetensorsTensorInfo? tensor))
        {
            throw new ModelFormatException(directory, null, $"the tensor '{name}' is missing.",
                "The model's files don't belong together; fetch them again.");
        }

        if (tensor.DType != SafetensorsDType.F32 || tensor.ElementCount != 1)
        {
            throw MatrixShape.Wrong(model, tensor,
                $"isn't a single number of type F32, but [{string.Join(", ", tensor.Shape)}] {tensor.DType}.");
        }

        return MemoryMarshal.Read<float>(model.Span(tensor, 0, 4));
    }

    private static long Parts(int length, int part) => ((long)length + part - 1) / part;
}
