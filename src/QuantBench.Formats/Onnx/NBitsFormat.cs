namespace QuantBench.Formats.Onnx;

/// <summary>How <c>com.microsoft.MatMulNBits</c> stores a matrix [N, K]: each row in blocks along K, with a scale and perhaps a zero point
/// per block.</summary>
/// <param name="Bits">2, 4 or 8 per weight; packed from the low bits of each byte upwards.</param>
/// <param name="BlockSize">16, 32, 64, 128 or 256 weights.</param>
/// <param name="HasZeroPoints">Whether zero points are stored, packed as the weights are; without, the zero point is the middle: 2, 8 or
/// 128.</param>
public readonly record struct NBitsFormat(int Bits, int BlockSize, bool HasZeroPoints)
{
    /// <summary>Zero point of blocks without a stored one.</summary>
    public int Middle => 1 << (Bits - 1);

    /// <summary>Largest quant.</summary>
    public int Largest => (1 << Bits) - 1;

    /// <summary>Bytes of a block's weights.</summary>
    public int BlobBytes => BlockSize * Bits / 8;

    /// <summary>Blocks of a row; the last one may be filled up.</summary>
    /// <param name="columns">Weights of a row (K).</param>
    public int Blocks(int columns) => (columns + BlockSize - 1) / BlockSize;

    /// <summary>Bytes of a row's weights.</summary>
    /// <param name="columns">Weights of a row (K).</param>
    public int RowBytes(int columns) => Blocks(columns) * BlobBytes;

    /// <summary>Bytes of a row's zero points, filled up to whole bytes; 0 when none are stored.</summary>
    /// <param name="columns">Weights of a row (K).</param>
    public int ZeroPointBytes(int columns) => HasZeroPoints ? ((Blocks(columns) * Bits) + 7) / 8 : 0;
}
