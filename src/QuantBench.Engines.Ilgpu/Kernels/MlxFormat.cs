namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// MLX's affine code of 2 to 8 bits. Planes: the rows' bit streams and one word of padding, scales, biases. x = scale·q + bias; quants of 8 bits are
/// moved down by 128 to be signed bytes.
/// </summary>
internal struct MlxFormat : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, long chunk)
    {
        long group = chunk / m.GroupChunks;
        float scale = Read(m, m.Plane1, group), offset = Read(m, m.Plane2, group);
        long first = chunk * m.Bits;
        bool wide = m.Bits == 8;
        int flip = wide ? unchecked((int)0x80808080) : 0;
        if (wide) offset += 128 * scale;
        return new WeightChunk
        {
            Low = Half(m, first, 0, flip),
            High = Half(m, first, 16, flip),
            ScaleLow = scale,
            ScaleHigh = scale,
            OffsetLow = offset,
            OffsetHigh = offset,
        };
    }

    private static Int4 Half(MatrixView m, long first, int k, int flip) => new()
    {
        X = Four(m, first, k) ^ flip,
        Y = Four(m, first, k + 4) ^ flip,
        Z = Four(m, first, k + 8) ^ flip,
        W = Four(m, first, k + 12) ^ flip,
    };

    /// <summary>Quants k … k + 3 of the 32 that start at a word, as bytes. Four quants are at most 32 bits, hence in two neighbouring words.</summary>
    private static int Four(MatrixView m, long first, int k)
    {
        int bit = k * m.Bits;
        long at = first + (bit >> 5);
        ulong pair = (uint)m.Words[at] | ((ulong)(uint)m.Words[at + 1] << 32);
        ulong stream = pair >> (bit & 31);
        int mask = (1 << m.Bits) - 1;
        return ((int)stream & mask) | (((int)(stream >> m.Bits) & mask) << 8) | (((int)(stream >> (2 * m.Bits)) & mask) << 16)
            | (((int)(stream >> (3 * m.Bits)) & mask) << 24);
    }

    private static float Read(MatrixView m, long plane, long index)
    {
        if (m.ScaleKind == 2) return Arithmetic.FromBits(m.Words[plane + index]);
        int bits = Bits.Short(m.Words, plane, index);
        return m.ScaleKind == 1 ? Arithmetic.FromBits(bits << 16) : Arithmetic.Half(bits);
    }
}
