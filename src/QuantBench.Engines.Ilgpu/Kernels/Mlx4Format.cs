namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>MLX's affine code of 4 bits: a chunk is one unit of 16 bytes, whose nibbles follow each other. Planes as in
/// <see cref="MlxFormat"/>.</summary>
internal struct Mlx4Format : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        Int4 v = m.Wide[chunk];
        float scale = MlxScale.Read(m, m.Plane1, chunk), offset = MlxScale.Read(m, m.Plane2, chunk);
        return WeightChunk.Of(
            new Int4 { X = Four(v.X), Y = Four(v.X >> 16), Z = Four(v.Y), W = Four(v.Y >> 16) },
            new Int4 { X = Four(v.Z), Y = Four(v.Z >> 16), Z = Four(v.W), W = Four(v.W >> 16) },
            scale, offset);
    }

    /// <summary>Four nibbles as bytes: pairs move apart by a byte, then single ones by a nibble.</summary>
    private static int Four(int nibbles)
    {
        int pairs = (nibbles & 0xFF) | ((nibbles & 0xFF00) << 8);
        return (pairs | (pairs << 4)) & 0x0F0F0F0F;
    }
}
