using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Weights;

/// <summary>One expert of a tensor of MXFP4 blocks: [experts, rows, blocks, 16] bytes with the earlier of two weights in the low nibble,
/// and [experts, rows, blocks] exponents.</summary>
/// <param name="model">The weights.</param>
/// <param name="blocks">The nibbles.</param>
/// <param name="scales">The exponents, plus 127.</param>
/// <param name="expert">Which expert.</param>
/// <param name="rows">Rows of this matrix.</param>
/// <param name="columns">Elements per row; whole blocks.</param>
/// <param name="step">Stored rows from one of its rows to the next.</param>
/// <param name="first">Its first stored row.</param>
internal sealed class Mxfp4Matrix(SafetensorsModel model, SafetensorsTensorInfo blocks, SafetensorsTensorInfo scales, int expert, int rows,
    int columns, int step, int first) : IWeightMatrix
{
    /// <summary>Weights that share an exponent.</summary>
    public const int BlockElements = 32;

    private static readonly float[] s_values = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6];

    /// <inheritdoc/>
    public int Rows => rows;

    /// <inheritdoc/>
    public int Columns => columns;

    /// <inheritdoc/>
    public long ByteSize => (long)rows * columns / BlockElements * ((BlockElements / 2) + 1);

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        for (int i = 0; i < rowCount; i++) Read(firstRow + i, 0, output.Slice(i * columns, columns));
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        Read(row, firstColumn, output);
    }

    private void Read(int row, int column, Span<float> output)
    {
        long block = ((((long)expert * rows * step) + ((long)row * step) + first) * (columns / BlockElements)) + (column / BlockElements);
        int count = output.Length / BlockElements;
        ReadOnlySpan<byte> nibbles = model.Span(blocks, block * (BlockElements / 2), count * (BlockElements / 2));
        ReadOnlySpan<byte> exponents = model.Span(scales, block, count);
        for (int i = 0; i < output.Length; i += 2)
        {
            // 255 stands for no number.
            int exponent = exponents[i / BlockElements];
            float scale = exponent == 255 ? float.NaN : MathF.ScaleB(1, exponent - 127);
            byte pair = nibbles[i / 2];
            output[i] = s_values[pair & 15] * scale;
            output[i + 1] = s_values[pair >> 4] * scale;
        }
    }
}
