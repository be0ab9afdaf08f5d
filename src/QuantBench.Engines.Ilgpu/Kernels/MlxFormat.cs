namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// MLX's affine code of 2, 3, 5 or 6 bits. Planes: the rows' bit streams and one word of padding, scales, biases. x = scale·q + bias.
/// </summary>
internal struct MlxFormat : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        float scale = MlxScale.Read(m, m.Plane1, chunk), offset = MlxScale.Read(m, m.Plane2, chunk);
        int first = chunk * m.Bits;
        return WeightChunk.Of(Half(m, first, 0), Half(m, first, 16), scale, offset);
    }

    private static Int4 Half(MatrixView m, int first, int k) =>
        new() { X = Four(m, first, k), Y = Four(m, first, k + 4), Z = Four(m, first, k + 8), W = Four(m, first, k + 12) };

    /// <summary>Quants k … k + 3 of the 32 that start at a word, as bytes. Four quants are at most 32 bits, hence in two neighbouring
    /// words.</summary>
    private static int Four(MatrixView m, int first, int k)
    {
        int bit = k * m.Bits;
        int at = first + (bit >> 5);
        ulong pair = (uint)m.Words[at] | ((ulong)(uint)m.Words[at + 1] << 32);
        ulong stream = pair >> (bit & 31);
        int mask = (1 << m.Bits) - 1;
        return ((int)stream & mask) | (((int)(stream >> m.Bits) & mask) << 8) | (((int)(stream >> (2 * m.Bits)) & mask) << 16)
            | (((int)(stream >> (3 * m.Bits)) & mask) << 24);
    }
}
