namespace QuantBench.Engines.Ilgpu.Kernels;

// Superblocks of 256: chunk j = 0 … 7 of superblock b.

/// <summary>Planes: 2-bit quants, 16 scale bytes, (d, dmin). Scales belong to 16 weights.</summary>
internal struct Q2_KFormat : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => true;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        int b = chunk >> 3;
        int j = chunk & 7;
        int at = (4 * b) + (2 * (j >> 2));
        int shift = 2 * (j & 3);
        int scales = Bits.Short(m.Words, m.Plane1, chunk);
        int pair = m.Words[m.Plane2 + b];
        float d = Arithmetic.Half(pair & 0xFFFF), min = Arithmetic.Half((pair >> 16) & 0xFFFF);
        return new WeightChunk
        {
            Low = Bits.Extract(m.Wide[at], shift, 0x03030303),
            High = Bits.Extract(m.Wide[at + 1], shift, 0x03030303),
            ScaleLow = d * (scales & 15),
            ScaleHigh = d * ((scales >> 8) & 15),
            OffsetLow = -min * ((scales >> 4) & 15),
            OffsetHigh = -min * (scales >> 12),
        };
    }
}

/// <summary>Planes: 2-bit quants, third bits, 12 bytes of 6-bit scales, d. x = d·(sc − 32)·(q − 4).</summary>
internal struct Q3_KFormat : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => true;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        int b = chunk >> 3;
        int j = chunk & 7;
        int at = (4 * b) + (2 * (j >> 2));
        int high = (m.Plane1 >> 2) + (2 * b);
        int shift = 2 * (j & 3);
        int scales = m.Plane2 + (3 * b);
        float d = Arithmetic.Half(Bits.Short(m.Words, m.Plane3, b));

        // Scale k of 16: four bits in byte k & 7 of the first two words, two more in byte k & 3 of the third.
        int k = 2 * j;
        int lows = m.Words[scales + ((k >> 2) & 1)] >> (4 * (k >> 3));
        int highs = m.Words[scales + 2] >> (2 * (k >> 2));
        int first = Bits.Byte(lows, k & 3) & 15 | ((Bits.Byte(highs, k & 3) & 3) << 4);
        int second = Bits.Byte(lows, (k & 3) + 1) & 15 | ((Bits.Byte(highs, (k & 3) + 1) & 3) << 4);
        float scaleLow = d * (first - 32), scaleHigh = d * (second - 32);
        return WeightChunk.Of(
            Bits.Or(Bits.Extract(m.Wide[at], shift, 0x03030303), Bits.Extract(m.Wide[high], j, 0x01010101), 2),
            Bits.Or(Bits.Extract(m.Wide[at + 1], shift, 0x03030303), Bits.Extract(m.Wide[high + 1], j, 0x01010101), 2),
            scaleLow, scaleHigh, -4);
    }
}

/// <summary>Planes: nibbles, header as <see cref="Graph.KHeader"/> recodes it.</summary>
internal struct Q4_KFormat : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        int b = chunk >> 3;
        int j = chunk & 7;
        int at = (8 * b) + (2 * (j >> 1));
        int shift = 4 * (j & 1);
        Int4 header = m.Wide[(m.Plane1 >> 2) + b];
        float scale = Scale(header, j), offset = Offset(header, j);
        return WeightChunk.Of(Bits.Extract(m.Wide[at], shift, 0x0F0F0F0F), Bits.Extract(m.Wide[at + 1], shift, 0x0F0F0F0F), scale, offset);
    }

    /// <summary>d times scale j of eight.</summary>
    public static float Scale(Int4 header, int j) =>
        Arithmetic.Half(header.X & 0xFFFF) * (((header.Y >> (4 * j)) & 15) | (((header.W >> (4 * j)) & 3) << 4));

    /// <summary>−dmin times minimum j of eight.</summary>
    public static float Offset(Int4 header, int j) =>
        -Arithmetic.Half((header.X >> 16) & 0xFFFF) * (((header.Z >> (4 * j)) & 15) | (((header.W >> (4 * j)) & 12) << 2));
}

/// <summary>Planes: nibbles, fifth bits, header as in <see cref="Q4_KFormat"/>.</summary>
internal struct Q5_KFormat : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        int b = chunk >> 3;
        int j = chunk & 7;
        int at = (8 * b) + (2 * (j >> 1));
        int high = (m.Plane1 >> 2) + (2 * b);
        int shift = 4 * (j & 1);
        Int4 header = m.Wide[(m.Plane2 >> 2) + b];
        float scale = Q4_KFormat.Scale(header, j), offset = Q4_KFormat.Offset(header, j);
        return WeightChunk.Of(
            Bits.Or(Bits.Extract(m.Wide[at], shift, 0x0F0F0F0F), Bits.Extract(m.Wide[high], j, 0x01010101), 4),
            Bits.Or(Bits.Extract(m.Wide[at + 1], shift, 0x0F0F0F0F), Bits.Extract(m.Wide[high + 1], j, 0x01010101), 4),
            scale, offset);
    }
}

/// <summary>Planes: nibbles, upper two bits, 16 signed scales, d. x = d·sc·(q − 32).</summary>
internal struct Q6_KFormat : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => true;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        int b = chunk >> 3;
        int j = chunk & 7;
        int n = j >> 2, g = j & 3;
        int at = (8 * b) + (4 * n) + (2 * (g & 1));
        int high = (m.Plane1 >> 2) + (4 * b) + (2 * n);
        int shift = 4 * (g >> 1);
        int scales = Bits.Short(m.Words, m.Plane2, chunk);
        float d = Arithmetic.Half(Bits.Short(m.Words, m.Plane3, b));
        float scaleLow = d * (scales << 24 >> 24), scaleHigh = d * (scales << 16 >> 24);
        return WeightChunk.Of(
            Bits.Or(Bits.Extract(m.Wide[at], shift, 0x0F0F0F0F), Bits.Extract(m.Wide[high], 2 * g, 0x03030303), 4),
            Bits.Or(Bits.Extract(m.Wide[at + 1], shift, 0x0F0F0F0F), Bits.Extract(m.Wide[high + 1], 2 * g, 0x03030303), 4),
            scaleLow, scaleHigh, -32);
    }
}

/// <summary>Planes: nibbles, header (d, upper scale bits, 4 bytes of lower ones). x = d·(ls − 32)·T[q].</summary>
internal struct IQ4_XSFormat : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        int b = chunk >> 3;
        int j = chunk & 7;
        Int4 v = m.Wide[chunk];
        int first = m.Words[m.Plane1 + (2 * b)];
        int lows = m.Words[m.Plane1 + (2 * b) + 1];
        int scale = ((lows >> (4 * j)) & 15) | (((first >> (16 + (2 * j))) & 3) << 4);
        float d = Arithmetic.Half(first & 0xFFFF) * (scale - 32);
        return new WeightChunk { Low = NonLinear.Levels(v, 0), High = NonLinear.Levels(v, 4), ScaleLow = d, ScaleHigh = d };
    }
}
