namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>MLX's affine code of 8 bits; quants are moved down by 128 to be signed bytes. Planes as in <see cref="MlxFormat"/>.</summary>
internal struct Mlx8Format : IChunkFormat
{
    /// <inheritdoc />
    public readonly bool HasHalves => false;

    /// <inheritdoc />
    public readonly WeightChunk Load(MatrixView m, int chunk)
    {
        float scale = MlxScale.Read(m, m.Plane1, chunk), offset = MlxScale.Read(m, m.Plane2, chunk) + (128 * scale);
        return WeightChunk.Of(Flip(m.Wide[2 * chunk]), Flip(m.Wide[(2 * chunk) + 1]), scale, offset);
    }

    private static Int4 Flip(Int4 v)
    {
        const int signs = unchecked((int)0x80808080);
        return new Int4 { X = v.X ^ signs, Y = v.Y ^ signs, Z = v.Z ^ signs, W = v.W ^ signs };
    }
}
