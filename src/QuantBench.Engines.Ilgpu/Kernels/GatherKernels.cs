using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Rows of the embeddings as floats. Grid: (pieces of a row, tokens).</summary>
internal static class GatherKernels
{
    /// <summary>Quantized embeddings; a thread decodes one chunk.</summary>
    /// <param name="m">[vocabulary, width].</param>
    /// <param name="tokens">Token ids, each below the vocabulary's size.</param>
    /// <param name="output">[tokens, stride].</param>
    /// <param name="stride">Floats from one token to the next.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="factor">Factor of the elements.</param>
    public static void Quantized<TFormat>(MatrixView m, ArrayView<int> tokens, ArrayView<float> output, int stride, int width, float factor)
        where TFormat : struct, IChunkFormat
    {
        int chunk = (Grid.IdxX * Group.DimX) + Group.IdxX;
        int token = Grid.IdxY;
        if (chunk >= m.Chunks) return;
        TFormat format = default;
        WeightChunk w = format.Load(m, (tokens[token] * m.Chunks) + chunk);
        long at = ((long)token * stride) + (32 * chunk);
        Write(output, at, w.Low, w.ScaleLow, w.OffsetLow, factor);
        Write(output, at + 16, w.High, w.ScaleHigh, w.OffsetHigh, factor);
    }

    /// <summary>Floating-point embeddings; a thread copies eight elements.</summary>
    /// <inheritdoc cref="Quantized{TFormat}"/>
    public static void Float<TFormat>(MatrixView m, ArrayView<int> tokens, ArrayView<float> output, int stride, int width, float factor)
        where TFormat : struct, IFloatFormat
    {
        int octet = (Grid.IdxX * Group.DimX) + Group.IdxX;
        int token = Grid.IdxY;
        if (octet >= m.Chunks * 4) return;
        TFormat format = default;
        Float8 w = format.Load(m, (tokens[token] * m.Chunks * 4) + octet);
        long at = ((long)token * stride) + (8 * octet);

        // Columns behind the width are padding, of the file's rows as of the output's.
        output[at] = w.A * factor;
        output[at + 1] = w.B * factor;
        output[at + 2] = w.C * factor;
        output[at + 3] = w.D * factor;
        output[at + 4] = w.E * factor;
        output[at + 5] = w.F * factor;
        output[at + 6] = w.G * factor;
        output[at + 7] = w.H * factor;
    }

    private static void Write(ArrayView<float> output, long at, Int4 bytes, float scale, float offset, float factor)
    {
        Write4(output, at, bytes.X, scale, offset, factor);
        Write4(output, at + 4, bytes.Y, scale, offset, factor);
        Write4(output, at + 8, bytes.Z, scale, offset, factor);
        Write4(output, at + 12, bytes.W, scale, offset, factor);
    }

    private static void Write4(ArrayView<float> output, long at, int bytes, float scale, float offset, float factor)
    {
        output[at] = ((scale * (bytes << 24 >> 24)) + offset) * factor;
        output[at + 1] = ((scale * (bytes << 16 >> 24)) + offset) * factor;
        output[at + 2] = ((scale * (bytes << 8 >> 24)) + offset) * factor;
        output[at + 3] = ((scale * (bytes >> 24)) + offset) * factor;
    }
}
