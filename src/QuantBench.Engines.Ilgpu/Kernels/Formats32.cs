namespace QuantBench.Engines.Ilgpu.Kernels;

// Formats whose blocks are one chunk. Nibbles: the low ones are elements 0–15, the high ones 16–31.

/// <summary>Planes: nibbles, d. x = d·(q − 8).</summary>
internal struct Q4_0Format : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        Int4 v = m.Wide[chunk];
        float d = Arithmetic.Half(Bits.Short(m.Words, m.Plane1, chunk));
        return WeightChunk.Of(Bits.Extract(v, 0, 0x0F0F0F0F), Bits.Extract(v, 4, 0x0F0F0F0F), d, -8 * d);
    }
}

/// <summary>Planes: nibbles, (d, m). x = d·q + m.</summary>
internal struct Q4_1Format : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        Int4 v = m.Wide[chunk];
        int pair = m.Words[m.Plane1 + chunk];
        float d = Arithmetic.Half(pair & 0xFFFF), offset = Arithmetic.Half((pair >> 16) & 0xFFFF);
        return WeightChunk.Of(Bits.Extract(v, 0, 0x0F0F0F0F), Bits.Extract(v, 4, 0x0F0F0F0F), d, offset);
    }
}

/// <summary>Planes: nibbles, fifth bits, d. x = d·(q − 16).</summary>
internal struct Q5_0Format : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        Int4 v = m.Wide[chunk];
        int high = m.Words[m.Plane1 + chunk];
        float d = Arithmetic.Half(Bits.Short(m.Words, m.Plane2, chunk));
        return WeightChunk.Of(
            Bits.Or(Bits.Extract(v, 0, 0x0F0F0F0F), Bits.Spread(high), 0),
            Bits.Or(Bits.Extract(v, 4, 0x0F0F0F0F), Bits.Spread(high >> 16), 0),
            d, -16 * d);
    }
}

/// <summary>Planes: nibbles, fifth bits, (d, m). x = d·q + m.</summary>
internal struct Q5_1Format : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        Int4 v = m.Wide[chunk];
        int high = m.Words[m.Plane1 + chunk];
        int pair = m.Words[m.Plane2 + chunk];
        float d = Arithmetic.Half(pair & 0xFFFF), offset = Arithmetic.Half((pair >> 16) & 0xFFFF);
        return WeightChunk.Of(
            Bits.Or(Bits.Extract(v, 0, 0x0F0F0F0F), Bits.Spread(high), 0),
            Bits.Or(Bits.Extract(v, 4, 0x0F0F0F0F), Bits.Spread(high >> 16), 0),
            d, offset);
    }
}

/// <summary>Planes: bytes, d. x = d·q.</summary>
internal struct Q8_0Format : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        float d = Arithmetic.Half(Bits.Short(m.Words, m.Plane1, chunk));
        return new WeightChunk { Low = m.Wide[2 * chunk], High = m.Wide[(2 * chunk) + 1], ScaleLow = d, ScaleHigh = d };
    }
}

/// <summary>Planes: nibbles, d. x = d·T[q].</summary>
internal struct IQ4_NLFormat : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        Int4 v = m.Wide[chunk];
        float d = Arithmetic.Half(Bits.Short(m.Words, m.Plane1, chunk));
        return new WeightChunk { Low = NonLinear.Levels(v, 0), High = NonLinear.Levels(v, 4), ScaleLow = d, ScaleHigh = d };
    }
}

/// <summary>Planes: nibbles, exponents. x = 2^(e − 128)·F[q], where F is twice what the nibble's float is.</summary>
internal struct MXFP4Format : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        Int4 v = m.Wide[chunk];
        int e = Bits.Byte(m.Words[m.Plane1 + (chunk >> 2)], chunk & 3);
        float d = Arithmetic.FromBits(e < 2 ? 0x00200000 << e : (e - 1) << 23); // the two smallest are subnormal
        return new WeightChunk { Low = NonLinear.Floats(v, 0), High = NonLinear.Floats(v, 4), ScaleLow = d, ScaleHigh = d };
    }
}
