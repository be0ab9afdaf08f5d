namespace QuantBench.Models.Weights;

/// <summary>Some rows of a matrix as columns.</summary>
/// <param name="matrix">The matrix.</param>
/// <param name="first">The first of the rows.</param>
/// <param name="columns">How many.</param>
internal sealed class ColumnsMatrix(IWeightMatrix matrix, int first, int columns) : IWeightMatrix
{
    /// <inheritdoc/>
    public int Rows => matrix.Columns;

    /// <inheritdoc/>
    public int Columns => columns;

    /// <inheritdoc/>
    public long ByteSize => matrix.ByteSize / matrix.Rows * columns;

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        float[] row = new float[matrix.Columns];
        for (int column = 0; column < columns; column++)
        {
            matrix.ReadRows(first + column, 1, row);
            for (int i = 0; i < rowCount; i++) output[(i * columns) + column] = row[firstRow + i];
        }
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        float[] all = new float[matrix.Columns];
        for (int i = 0; i < output.Length; i++)
        {
            matrix.ReadRows(first + firstColumn + i, 1, all);
            output[i] = all[row];
        }
    }
}
