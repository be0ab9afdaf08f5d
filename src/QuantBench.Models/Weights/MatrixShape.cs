using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Weights;

/// <summary>Checks that stand before a matrix is read.</summary>
internal static class MatrixShape
{
    /// <summary>Pieces of rows start at multiples of this: no group of any format crosses one.</summary>
    private const int PieceColumns = 512;

    /// <summary>The tensor, which must have two dimensions of one of some types.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie, for messages.</param>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="stacked">Matrices that lie one behind the other in the tensor, by a dimension before the two; they are given as one.
    /// 0 = it is a single matrix.</param>
    /// <param name="types">Types that it may have.</param>
    /// <exception cref="ModelFormatException">It is missing, has another type or another number of dimensions, or is too large.</exception>
    public static (SafetensorsTensorInfo Tensor, int Rows, int Columns) Require(
        SafetensorsModel model, string directory, string name, int stacked, params ReadOnlySpan<SafetensorsDType> types)
    {
        if (!model.Tensors.TryGetValue(name, out SafetensorsTensorInfo? tensor))
        {
            throw new ModelFormatException(directory, null, $"the tensor '{name}' is missing.",
                "The model's files don't belong together; fetch them again.");
        }

        ImmutableArray<long> shape = tensor.Shape;
        if (!types.Contains(tensor.DType))
            throw Wrong(model, tensor, $"is of type {tensor.DType}; {string.Join(", ", types.ToArray())} was expected.");
        if (stacked > 0 && shape.Length == 3 && shape[0] == stacked && shape[1] is >= 1 and <= int.MaxValue)
        {
            shape = [shape[0] * shape[1], shape[2]];
            tensor = tensor with { Shape = shape };
        }
        else if (stacked > 0)
        {
            throw Wrong(model, tensor, $"has the shape [{string.Join(", ", shape)}]; {stacked} matrices were expected.");
        }

        if (shape.Length != 2) throw Wrong(model, tensor, $"has {shape.Length} dimensions; 2 were expected.");

        // Rows are handed out as spans, so neither a row's bytes nor its floats may pass 31 bits.
        if (shape[0] is < 1 or > int.MaxValue || shape[1] is < 1 or > int.MaxValue / 8)
            throw Wrong(model, tensor, $"has the shape [{shape[0]}, {shape[1]}].");
        return (tensor, (int)shape[0], (int)shape[1]);
    }

    /// <inheritdoc cref="Require(SafetensorsModel, string, string, int, ReadOnlySpan{SafetensorsDType})"/>
    public static (SafetensorsTensorInfo Tensor, int Rows, int Columns) Require(
        SafetensorsModel model, string directory, string name, params ReadOnlySpan<SafetensorsDType> types) =>
        Require(model, directory, name, 0, types);

    /// <summary>Refuses a tensor whose shape isn't the one that the others ask for.</summary>
    /// <exception cref="ModelFormatException">The shapes differ.</exception>
    public static void Expect(SafetensorsModel model, SafetensorsTensorInfo tensor, params ReadOnlySpan<long> shape)
    {
        if (tensor.Shape.AsSpan().SequenceEqual(shape)) return;
        throw Wrong(model, tensor,
            $"has the shape [{string.Join(", ", tensor.Shape)}], but [{string.Join(", ", shape.ToArray())}] was expected.");
    }

    /// <summary>An error about a tensor.</summary>
    public static ModelFormatException Wrong(SafetensorsModel model, SafetensorsTensorInfo tensor, string problem) =>
        new(model.Files[tensor.Part], tensor.Offset, $"the tensor '{tensor.Name}' {problem}");

    /// <summary>Refuses a run of rows that isn't inside a matrix.</summary>
    /// <exception cref="ArgumentException">It isn't, or the output's length is another one.</exception>
    public static void CheckRun(IWeightMatrix matrix, int firstRow, int rowCount, int outputLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow, matrix.Rows - rowCount);
        if ((long)rowCount * matrix.Columns != outputLength)
        {
            throw new ArgumentException(
                $"{rowCount} rows have {(long)rowCount * matrix.Columns} elements, but there is room for {outputLength}.");
        }
    }

    /// <summary>Refuses a piece of a row that isn't inside a matrix or cuts what belongs together.</summary>
    /// <exception cref="ArgumentException">It isn't, or does.</exception>
    public static void CheckPiece(IWeightMatrix matrix, int row, int firstColumn, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, matrix.Rows);
        ArgumentOutOfRangeException.ThrowIfNegative(firstColumn);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstColumn, matrix.Columns - length);
        int end = firstColumn + length;
        if (firstColumn % PieceColumns != 0 || (end % PieceColumns != 0 && end != matrix.Columns))
        {
            throw new ArgumentException(
                $"columns {firstColumn} to {end} don't start and end at multiples of {PieceColumns} or at the row's end.");
        }
    }
}
