using QuantBench.Formats.Blocks;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Weights;

/// <summary>One expert of a tensor of floats whose inputs come first: [experts, columns, stored rows].</summary>
/// <param name="model">The weights.</param>
/// <param name="tensor">The tensor.</param>
/// <param name="expert">Which expert.</param>
/// <param name="rows">Rows of this matrix.</param>
/// <param name="columns">Elements per row.</param>
/// <param name="step">Stored rows from one of its rows to the next.</param>
/// <param name="first">Its first stored row.</param>
internal sealed class TurnedMatrix(SafetensorsModel model, SafetensorsTensorInfo tensor, int expert, int rows, int columns, int step,
    int first) : IWeightMatrix
{
    private readonly IBlockCodec _codec = FloatMatrix.CodecOf(tensor.DType);

    /// <inheritdoc/>
    public int Rows => rows;

    /// <inheritdoc/>
    public int Columns => columns;

    /// <inheritdoc/>
    public long ByteSize => (long)rows * columns * tensor.ElementBytes;

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);

        // Neighbours in memory are read together: a run of rows is a run of each stored column.
        Span<float> run = new float[rowCount * step];
        for (int column = 0; column < columns; column++)
        {
            Read(firstRow, column, run);
            for (int i = 0; i < rowCount; i++) output[(i * columns) + column] = run[(i * step) + first];
        }
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        Span<float> run = stackalloc float[2];
        for (int i = 0; i < output.Length; i++)
        {
            Read(row, firstColumn + i, run[..step]);
            output[i] = run[first];
        }
    }

    private void Read(int row, int column, Span<float> run)
    {
        long at = ((((long)expert * columns) + column) * rows * step) + ((long)row * step);
        _codec.Dequantize(model.Span(tensor, at * tensor.ElementBytes, run.Length * tensor.ElementBytes), run);
    }
}
