namespace QuantBench.Formats.Mlx;

/// <summary>How a matrix is quantized in MLX's affine mode: <c>x = scale · q + bias</c> with one scale and bias per group of a
/// row.</summary>
public sealed record MlxQuantization
{
    /// <summary>Checks and keeps the settings.</summary>
    /// <param name="bits">2, 3, 4, 5, 6 or 8.</param>
    /// <param name="groupSize">32, 64 or 128.</param>
    /// <exception cref="ArgumentOutOfRangeException">MLX has no such setting.</exception>
    public MlxQuantization(int bits, int groupSize)
    {
        if (!IsBits(bits)) throw new ArgumentOutOfRangeException(nameof(bits), bits, "2, 3, 4, 5, 6 or 8");
        if (!IsGroupSize(groupSize)) throw new ArgumentOutOfRangeException(nameof(groupSize), groupSize, "32, 64 or 128");
        (Bits, GroupSize) = (bits, groupSize);
    }

    /// <summary>Bits per quant.</summary>
    public int Bits { get; }

    /// <summary>Elements that share a scale and a bias.</summary>
    public int GroupSize { get; }

    /// <summary>Whether MLX has a bit width.</summary>
    internal static bool IsBits(long bits) => bits is 2 or 3 or 4 or 5 or 6 or 8;

    /// <summary>Whether MLX has a group size.</summary>
    internal static bool IsGroupSize(long groupSize) => groupSize is 32 or 64 or 128;
}
