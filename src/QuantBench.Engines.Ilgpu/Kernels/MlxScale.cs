namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Scales and biases of MLX's affine code.</summary>
internal static class MlxScale
{
    /// <summary>That of a chunk.</summary>
    /// <param name="m">The matrix.</param>
    /// <param name="plane">First word of the scales or the biases.</param>
    /// <param name="chunk">Which chunk.</param>
    public static float Read(MatrixView m, int plane, int chunk)
    {
        // One load whatever the type is, so that loads of several chunks aren't separated by branches.
        int group = chunk >> m.GroupShift;
        bool isWord = m.ScaleKind == 2;
        int word = m.Words[plane + (isWord ? group : group >> 1)];
        int bits = (word >> (16 * (group & 1))) & 0xFFFF;
        float half = Arithmetic.Half(bits);
        return isWord ? Arithmetic.FromBits(word) : m.ScaleKind == 1 ? Arithmetic.FromBits(bits << 16) : half;
    }
}
