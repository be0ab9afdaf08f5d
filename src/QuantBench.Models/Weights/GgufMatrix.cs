using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;

namespace QuantBench.Models.Weights;

/// <summary>A matrix of a GGUF file, with its rows in Hugging Face's order.</summary>
public sealed class GgufMatrix : IWeightMatrix
{
    private readonly GgufReader _reader;
    private readonly GgufTensorInfo _tensor;
    private readonly int _permutedHeads;
    private readonly int _rowBytes;

    /// <param name="reader">The file.</param>
    /// <param name="tensor">A tensor of two dimensions whose type has a codec.</param>
    /// <param name="permutedHeads">Heads whose rows are stored for neighbour rotation; 0 = none.</param>
    internal GgufMatrix(GgufReader reader, GgufTensorInfo tensor, int permutedHeads)
    {
        (_reader, _tensor, _permutedHeads) = (reader, tensor, permutedHeads);
        Columns = (int)tensor.Dimensions[0];
        Rows = (int)tensor.Dimensions[1];
        _rowBytes = (int)GgmlTypes.ByteSize(tensor.Type, Columns);
    }

    /// <inheritdoc/>
    public int Rows { get; }

    /// <inheritdoc/>
    public int Columns { get; }

    /// <inheritdoc/>
    public long ByteSize => _tensor.ByteSize;

    /// <summary>Type of its blocks.</summary>
    public GgmlType Type => _tensor.Type;

    /// <summary>Stored bytes of a row, valid until the file is closed.</summary>
    /// <param name="row">The row, in Hugging Face's order.</param>
    public ReadOnlySpan<byte> Row(int row) => _reader.Span(_tensor, (long)StoredRow(row, Rows, _permutedHeads) * _rowBytes, _rowBytes);

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        IBlockCodec codec = GgmlTypes.Codec(_tensor.Type);
        for (int i = 0; i < rowCount; i++) codec.Dequantize(Row(firstRow + i), output.Slice(i * Columns, Columns));
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        // Blocks have at most 256 elements, and pieces start at multiples of 512.
        int start = (int)GgmlTypes.ByteSize(_tensor.Type, firstColumn);
        int bytes = (int)GgmlTypes.ByteSize(_tensor.Type, output.Length);
        GgmlTypes.Codec(_tensor.Type).Dequantize(Row(row).Slice(start, bytes), output);
    }

    /// <summary>Where a row is stored: llama.cpp's row 2p + h of a head is Hugging Face's row h·(size/2) + p, h in {0, 1}.</summary>
    internal static int StoredRow(int row, int rows, int permutedHeads)
    {
        if (permutedHeads == 0) return row;
        int headSize = rows / permutedHeads;
        (int head, int within) = Math.DivRem(row, headSize);
        (int half, int pair) = Math.DivRem(within, headSize / 2);
        return (head * headSize) + (2 * pair) + half;
    }
}
