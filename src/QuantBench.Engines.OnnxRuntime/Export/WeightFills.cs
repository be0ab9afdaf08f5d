using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Encodes one row of a matrix.</summary>
/// <typeparam name="T">Type of its elements.</typeparam>
/// <param name="index">Number of the row.</param>
/// <param name="row">Its weights.</param>
/// <param name="encoded">Receives them.</param>
internal delegate void RowEncoder<T>(int index, ReadOnlySpan<float> row, Span<T> encoded);

/// <summary>Writes matrices piece by piece. No more than some 64 MiB are held, whatever the matrix's size.</summary>
internal static class WeightFills
{
    private const int BandBytes = 64 << 20;
    private const int PieceBytes = 4 << 20;
    private const int RowsTogether = 32; // a cache line of bytes is filled per output row of a transposition

    /// <summary>Rows as they are, in a float type.</summary>
    public static void Rows(TensorSink sink, string tensor, LinearWeights weights, GgmlType type)
    {
        IBlockCodec codec = GgmlTypes.Codec(type);
        float[] row = new float[weights.Columns];
        int rowBytes = weights.Columns * codec.BlockBytes;
        byte[] piece = new byte[Math.Max(1, PieceBytes / rowBytes) * rowBytes];
        int used = 0;
        for (int r = 0; r < weights.Rows; r++)
        {
            weights.Read(r, row);
            codec.Quantize(row, piece.AsSpan(used, rowBytes));
            CheckStored(piece.AsSpan(used, rowBytes), type, row, weights, r);
            used += rowBytes;
            if (used < piece.Length && r < weights.Rows - 1) continue;
            sink.Append(tensor, piece.AsSpan(0, used));
            weights.Release();
            used = 0;
        }
    }

    /// <summary>The transposed matrix, [columns, rows]: bands of columns that fit the memory, each made from all rows.</summary>
    public static void Transposed<T>(TensorSink sink, string tensor, LinearWeights weights, RowEncoder<T> encode)
        where T : unmanaged
    {
        (int rows, int columns) = (weights.Rows, weights.Columns);
        int elementBytes = Unsafe.SizeOf<T>();
        int bandColumns = (int)Math.Clamp(BandBytes / ((long)rows * elementBytes), 1, columns);
        T[] band = new T[(long)bandColumns * rows];
        float[] row = new float[columns];
        T[] encoded = new T[RowsTogether * columns];
        for (int start = 0; start < columns; start += bandColumns)
        {
            int width = Math.Min(bandColumns, columns - start);
            for (int first = 0; first < rows; first += RowsTogether)
            {
                int together = Math.Min(RowsTogether, rows - first);
                for (int r = 0; r < together; r++)
                {
                    weights.Read(first + r, row);
                    encode(first + r, row, encoded.AsSpan(r * columns, columns));
                }

                for (int c = 0; c < width; c++)
                {
                    Span<T> target = band.AsSpan((c * rows) + first, together);
                    for (int r = 0; r < target.Length; r++) target[r] = encoded[(r * columns) + start + c];
                }
            }

            for (int c = 0; c < width; c += Math.Max(1, PieceBytes / (rows * elementBytes)))
            {
                int count = Math.Min(Math.Max(1, PieceBytes / (rows * elementBytes)), width - c);
                sink.Append(tensor, MemoryMarshal.AsBytes(band.AsSpan(c * rows, count * rows)));
            }

            weights.Release();
        }
    }

    /// <summary>Refuses a row with a weight that its type can't hold.</summary>
    public static void CheckStored(ReadOnlySpan<byte> stored, GgmlType type, ReadOnlySpan<float> row, LinearWeights weights, int index)
    {
        if (FiniteWeights.FindOther(stored, type) is >= 0 and var at)
            throw FiniteWeights.Refused(weights.Path, weights.Name, ((long)index * row.Length) + at, row.Length, row[at], type);
    }

    /// <summary>A scale per row for bytes around 128.</summary>
    public static float[] ByteScales(LinearWeights weights)
    {
        float[] scales = new float[weights.Rows];
        float[] row = new float[weights.Columns];
        for (int r = 0; r < scales.Length; r++)
        {
            weights.Read(r, row);
            float most = 0;
            foreach (float weight in row) most = MathF.Max(most, MathF.Abs(weight));

            // A row of zeros needs a scale all the same: a quantized zero times anything is zero.
            scales[r] = most == 0 ? 1 : most / 127;
        }

        return scales;
    }

    /// <summary>A row as bytes around 128.</summary>
    public static void ToBytes(ReadOnlySpan<float> row, float scale, Span<byte> encoded)
    {
        float inverse = 1 / scale;
        for (int i = 0; i < row.Length; i++) encoded[i] = (byte)Math.Clamp(MathF.Round(row[i] * inverse) + 128, 1, 255);
    }

    /// <summary>Blocks for MatMulNBits, quantized or laid out anew.</summary>
    public static void Blocks(TensorSink sink, BlockTensors tensors, LinearWeights weights)
    {
        NBitsFormat format = tensors.Format;
        int blocks = format.Blocks(weights.Columns), rowBytes = format.RowBytes(weights.Columns),
            zeroBytes = format.ZeroPointBytes(weights.Columns);
        int together = Math.Clamp(PieceBytes / rowBytes, 1, weights.Rows);
        byte[] packed = new byte[together * rowBytes];
        byte[] zeros = new byte[together * zeroBytes];
        float[] scales = new float[together * blocks];
        float[] minimums = new float[tensors.Minimums is null ? 0 : together * blocks];
        float[] row = new float[weights.Columns];
        for (int first = 0; first < weights.Rows; first += together)
        {
            int count = Math.Min(together, weights.Rows - first);
            for (int r = 0; r < count; r++)
            {
                Span<byte> target = packed.AsSpan(r * rowBytes, rowBytes);
                Span<float> rowScales = scales.AsSpan(r * blocks, blocks);
                if (tensors.GgufType is { } type)
                {
                    GgufRelay.RelayRow(type, weights.Blocks(first + r), target, rowScales,
                        tensors.Minimums is null ? default : minimums.AsSpan(r * blocks, blocks));
                    FiniteWeights.Check(rowScales, weights.Path, $"{weights.Name} (scales)", (long)(first + r) * blocks, blocks);
                    continue;
                }

                weights.Read(first + r, row);
                NBitsQuantizer.QuantizeRow(row, format, target, rowScales, zeros.AsSpan(r * zeroBytes, zeroBytes));
            }

            sink.Append(tensors.Packed, packed.AsSpan(0, count * rowBytes));
            sink.Append(tensors.Scales, MemoryMarshal.AsBytes(scales.AsSpan(0, count * blocks)));
            if (tensors.ZeroPoints is { } zeroPoints) sink.Append(zeroPoints, zeros.AsSpan(0, count * zeroBytes));
            if (tensors.Minimums is { } name) sink.Append(name, MemoryMarshal.AsBytes(minimums.AsSpan(0, count * blocks)));
            weights.Release();
        }
    }
}
