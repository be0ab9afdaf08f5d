namespace QuantBench.Models.Weights;

/// <summary>Some rows of a matrix.</summary>
/// <param name="matrix">The matrix.</param>
/// <param name="first">The first of them.</param>
/// <param name="rows">How many.</param>
internal sealed class RowsMatrix(IWeightMatrix matrix, int first, int rows) : IWeightMatrix
{
    /// <inheritdoc/>
    public int Rows => rows;

    /// <inheritdoc/>
    public int Columns => matrix.Columns;

    /// <inheritdoc/>
    public long ByteSize => matrix.ByteSize / matrix.Rows * rows;

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        matrix.ReadRows(first + firstRow, rowCount, output);
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        matrix.ReadPiece(first + row, firstColumn, output);
    }
}
