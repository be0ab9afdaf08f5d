namespace QuantBench.Models.Weights;

/// <summary>A matrix times a number that lies beside it.</summary>
/// <param name="matrix">The matrix.</param>
/// <param name="factor">The number.</param>
/// <param name="bytes">Bytes that the number takes.</param>
internal sealed class FactoredMatrix(IWeightMatrix matrix, float factor, int bytes) : IWeightMatrix
{
    /// <inheritdoc/>
    public int Rows => matrix.Rows;

    /// <inheritdoc/>
    public int Columns => matrix.Columns;

    /// <inheritdoc/>
    public long ByteSize => matrix.ByteSize + bytes;

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        matrix.ReadRows(firstRow, rowCount, output);
        Multiply(output);
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        matrix.ReadPiece(row, firstColumn, output);
        Multiply(output);
    }

    private void Multiply(Span<float> values)
    {
        foreach (ref float value in values) value *= factor;
    }
}
