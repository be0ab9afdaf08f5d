namespace QuantBench.Models.Mlx;

/// <summary>What MLX calls the mode of a quantization.</summary>
public enum MlxMode
{
    /// <summary>Whole numbers with a scale and a bias per group.</summary>
    Affine,

    /// <summary>4-bit floats, a power of two per 32 as scale.</summary>
    Mxfp4,

    /// <summary>4-bit floats, a scale of 8 bits (E4M3) per 16.</summary>
    Nvfp4,

    /// <summary>8-bit floats (E4M3), a power of two per 32 as scale.</summary>
    Mxfp8,
}
