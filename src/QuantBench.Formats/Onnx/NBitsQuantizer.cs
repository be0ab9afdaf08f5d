namespace QuantBench.Formats.Onnx;

/// <summary>
/// Quantizes rows for <c>com.microsoft.MatMulNBits</c> by ONNX Runtime's own rule. Symmetric: the weight of largest magnitude becomes the
/// lowest quant, so that all 2^bits levels are used, and the scale may be negative. Asymmetric: the range from minimum to maximum, widened
/// to contain 0.
/// </summary>
public static class NBitsQuantizer
{
    /// <summary>Quantizes one row.</summary>
    /// <param name="row">[K], finite.</param>
    /// <param name="format">Bits, block size, zero points.</param>
    /// <param name="packed">Receives the weights; [<see cref="NBitsFormat.RowBytes"/>].</param>
    /// <param name="scales">Receives a scale per block.</param>
    /// <param name="zeroPoints">Receives packed zero points; [<see cref="NBitsFormat.ZeroPointBytes"/>].</param>
    /// <exception cref="ArgumentException">A length doesn't fit the others.</exception>
    public static void QuantizeRow(ReadOnlySpan<float> row, NBitsFormat format, Span<byte> packed, Span<float> scales,
        Span<byte> zeroPoints)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(packed.Length, format.RowBytes(row.Length));
        ArgumentOutOfRangeException.ThrowIfNotEqual(scales.Length, format.Blocks(row.Length));
        ArgumentOutOfRangeException.ThrowIfNotEqual(zeroPoints.Length, format.ZeroPointBytes(row.Length));
        packed.Clear();
        zeroPoints.Clear();
        int perByte = 8 / format.Bits;
        for (int b = 0; b < scales.Length; b++)
        {
            int start = b * format.BlockSize;
            ReadOnlySpan<float> block = row[start..Math.Min(row.Length, start + format.BlockSize)];
            (float scale, int zero) = format.HasZeroPoints ? Asymmetric(block, format) : Symmetric(block, format);
            scales[b] = scale;
            if (format.HasZeroPoints) zeroPoints[b / perByte] |= (byte)(zero << (b % perByte * format.Bits));
            float inverse = scale != 0 ? 1 / scale : 0;
            Span<byte> blob = packed.Slice(b * format.BlobBytes, format.BlobBytes);
            for (int i = 0; i < block.Length; i++)
            {
                int q = (int)Math.Clamp(MathF.Round(block[i] * inverse) + zero, 0, format.Largest);
                blob[i / perByte] |= (byte)(q << (i % perByte * format.Bits));
            }
        }
    }

    private static (float Scale, int ZeroPoint) Symmetric(ReadOnlySpan<float> block, NBitsFormat format)
    {
        float extreme = 0;
        foreach (float weight in block)
        {
            if (MathF.Abs(weight) > MathF.Abs(extreme)) extreme = weight;
        }

        return (-extreme / format.Middle, format.Middle);
    }

    private static (float Scale, int ZeroPoint) Asymmetric(ReadOnlySpan<float> block, NBitsFormat format)
    {
        (float min, float max) = (0, 0);
        foreach (float weight in block)
        {
            min = MathF.Min(min, weight);
            max = MathF.Max(max, weight);
        }

        float scale = (max - min) / format.Largest;
        return scale == 0 ? (0, 0) : (scale, (int)Math.Clamp(MathF.Round(-min / scale), 0, format.Largest));
    }
}
