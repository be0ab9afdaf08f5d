using System.Buffers;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Formats.Weights;

namespace QuantBench.Formats.Awq;

/// <summary>
/// A matrix in AWQ's 4-bit GEMM code. <c>qweight</c> [columns, rows / 8] and <c>qzeros</c> [groups, rows / 8] pack 8 consecutive outputs in
/// a word, whose nibbles, lowest first, hold outputs 0, 2, 4, 6, 1, 3, 5, 7; <c>scales</c> [groups, rows]. <c>x = scale · (q − zero)</c> in
/// single precision.
/// </summary>
public sealed class AwqMatrix : IGroupedMatrix
{
    private readonly SafetensorsModel _model;
    private readonly SafetensorsTensorInfo _quants;
    private readonly SafetensorsTensorInfo _zeros;
    private readonly SafetensorsTensorInfo _scales;
    private readonly int _groupSize;

    private AwqMatrix(
        SafetensorsModel model, int rows, int columns, int groupSize,
        SafetensorsTensorInfo quants, SafetensorsTensorInfo zeros, SafetensorsTensorInfo scales) =>
        (_model, Rows, Columns, _groupSize, _quants, _zeros, _scales) = (model, rows, columns, groupSize, quants, zeros, scales);

    /// <inheritdoc/>
    public int Rows { get; }

    /// <inheritdoc/>
    public int Columns { get; }

    /// <inheritdoc/>
    public long ByteSize => _quants.ByteSize + _zeros.ByteSize + _scales.ByteSize;

    /// <inheritdoc/>
    public int Bits => 4;

    /// <inheritdoc/>
    public int GroupSize => _groupSize;

    /// <summary>Bits to shift a word by for each of its 8 outputs.</summary>
    private static ReadOnlySpan<byte> Shifts => [0, 16, 4, 20, 8, 24, 12, 28];

    /// <summary>Opens a matrix.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie, for messages.</param>
    /// <param name="module">Path of the module.</param>
    /// <param name="config">Settings of the model.</param>
    /// <exception cref="ModelFormatException">A tensor is missing, or they don't fit each other or the settings.</exception>
    public static AwqMatrix Open(SafetensorsModel model, string directory, string module, AwqConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        (SafetensorsTensorInfo quants, int columns,
            int words) = MatrixShape.Require(model, directory, $"{module}.qweight", SafetensorsDType.I32, SafetensorsDType.U32);
        (SafetensorsTensorInfo zeros, _,
            _) = MatrixShape.Require(model, directory, $"{module}.qzeros", SafetensorsDType.I32, SafetensorsDType.U32);
        (SafetensorsTensorInfo scales, _, _) =
            MatrixShape.Require(model, directory, $"{module}.scales", SafetensorsDType.F32, SafetensorsDType.F16, SafetensorsDType.BF16);
        int groupSize = config.GroupSize == -1 ? columns : config.GroupSize;
        if (columns % groupSize != 0)
            throw MatrixShape.Wrong(model, quants, $"has {columns} inputs, not a multiple of the group size {groupSize}.");
        if (columns > int.MaxValue / 8 || words > int.MaxValue / 64) throw MatrixShape.Wrong(model, quants, "is too large.");
        MatrixShape.Expect(model, zeros, columns / groupSize, words);
        MatrixShape.Expect(model, scales, columns / groupSize, 8L * words);
        return new AwqMatrix(model, 8 * words, columns, groupSize, quants, zeros, scales);
    }

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        if (rowCount == 0) return;
        int firstWord = firstRow / 8;
        int wordCount = (firstRow + rowCount - 1) / 8 - firstWord + 1;
        float[] rented = ArrayPool<float>.Shared.Rent(2 * rowCount);
        Span<float> scales = rented.AsSpan(0, rowCount);
        Span<float> zeros = rented.AsSpan(rowCount, rowCount);
        for (int c = 0; c < Columns; c++)
        {
            if (c % _groupSize == 0)
            {
                int g = c / _groupSize;
                FloatMatrix.CodecOf(_scales.DType).Dequantize(
                    _model.Span(_scales, ((long)g * Rows + firstRow) * _scales.ElementBytes, rowCount * _scales.ElementBytes), scales);
                ReadOnlySpan<uint> zeroWords = Words(_zeros, g, firstWord, wordCount);
                for (int r = 0; r < rowCount; r++) zeros[r] = Nibble(zeroWords, firstRow + r, firstWord);
            }

            ReadOnlySpan<uint> words = Words(_quants, c, firstWord, wordCount);
            for (int r = 0; r < rowCount; r++) output[r * Columns + c] = scales[r] * (Nibble(words, firstRow + r, firstWord) - zeros[r]);
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        float scale = 0;
        float zero = 0;
        for (int i = 0; i < output.Length; i++)
        {
            int c = firstColumn + i;
            if (i == 0 || c % _groupSize == 0)
            {
                int g = c / _groupSize;
                FloatMatrix.CodecOf(_scales.DType).Dequantize(
                    _model.Span(_scales, ((long)g * Rows + row) * _scales.ElementBytes, _scales.ElementBytes),
                    MemoryMarshal.CreateSpan(ref scale, 1));
                zero = Nibble(Words(_zeros, g, row / 8, 1), row, row / 8);
            }

            output[i] = scale * (Nibble(Words(_quants, c, row / 8, 1), row, row / 8) - zero);
        }
    }

    /// <inheritdoc/>
    public void ReadQuants(int firstRow, int rowCount, Span<byte> quants)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, checked(rowCount * Columns));
        if (rowCount == 0) return;
        int firstWord = firstRow / 8;
        int wordCount = (firstRow + rowCount - 1) / 8 - firstWord + 1;
        for (int c = 0; c < Columns; c++)
        {
            ReadOnlySpan<uint> words = Words(_quants, c, firstWord, wordCount);
            for (int r = 0; r < rowCount; r++) quants[r * Columns + c] = (byte)Nibble(words, firstRow + r, firstWord);
        }
    }

    /// <inheritdoc/>
    public void ReadGroups(int row, Span<float> scales, Span<float> zeros)
    {
        for (int g = 0; g < Columns / _groupSize; g++)
        {
            FloatMatrix.CodecOf(_scales.DType).Dequantize(
                _model.Span(_scales, ((long)g * Rows + row) * _scales.ElementBytes, _scales.ElementBytes), scales.Slice(g, 1));
            zeros[g] = Nibble(Words(_zeros, g, row / 8, 1), row, row / 8);
        }
    }

    private static uint Nibble(ReadOnlySpan<uint> words, int row, int firstWord) => words[row / 8 - firstWord] >> Shifts[row % 8] & 15;

    private ReadOnlySpan<uint> Words(SafetensorsTensorInfo tensor, int line, int firstWord, int count) =>
        MemoryMarshal.Cast<byte, uint>(_model.Span(tensor, ((long)line * (Rows / 8) + firstWord) * 4, count * 4));
}
