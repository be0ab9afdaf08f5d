using QuantBench.Formats.Gguf;

namespace QuantBench.Models.Weights;

/// <summary>A mapped matrix, read row by row as floats.</summary>
/// <param name="matrix">The matrix; stays mapped as long as this is used.</param>
internal sealed unsafe class MappedMatrix(WeightMatrix matrix) : IWeightMatrix
{
    /// <inheritdoc/>
    public int Rows => matrix.Rows;

    /// <inheritdoc/>
    public int Columns => matrix.Columns;

    /// <inheritdoc/>
    public long ByteSize => matrix.Source is { } source ? source.ByteSize / source.Rows * matrix.Rows : matrix.RowBytes * matrix.Rows;

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        if (matrix.Source is { } source)
        {
            source.ReadRows(matrix.FirstRow + firstRow, rowCount, output);
            return;
        }

        for (int i = 0; i < rowCount; i++)
        {
            GgmlTypes.Codec(matrix.Type).Dequantize(new ReadOnlySpan<byte>(matrix.Row(firstRow + i), (int)matrix.RowBytes),
                output.Slice(i * Columns, Columns));
        }
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        if (matrix.Source is { } source)
        {
            source.ReadPiece(matrix.FirstRow + row, firstColumn, output);
            return;
        }

        var blocks = new ReadOnlySpan<byte>(matrix.Row(row) + GgmlTypes.ByteSize(matrix.Type, firstColumn),
            (int)GgmlTypes.ByteSize(matrix.Type, output.Length));
        GgmlTypes.Codec(matrix.Type).Dequantize(blocks, output);
    }
}
