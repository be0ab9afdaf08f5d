using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Scaled;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Mlx;

/// <summary>How a matrix is quantized in MLX: <c>x = scale · q + bias</c> with one scale and bias per group of a row, or in one of the
/// float modes <c>x = scale · q</c>.</summary>
public sealed record MlxQuantization
{
    /// <summary>Checks and keeps settings of the affine mode.</summary>
    /// <param name="bits">2, 3, 4, 5, 6 or 8.</param>
    /// <param name="groupSize">32, 64 or 128.</param>
    /// <exception cref="ArgumentOutOfRangeException">MLX has no such setting.</exception>
    public MlxQuantization(int bits, int groupSize)
    {
        if (!IsBits(bits)) throw new ArgumentOutOfRangeException(nameof(bits), bits, "2, 3, 4, 5, 6 or 8");
        if (!IsGroupSize(groupSize)) throw new ArgumentOutOfRangeException(nameof(groupSize), groupSize, "32, 64 or 128");
        (Bits, GroupSize) = (bits, groupSize);
    }

    /// <summary>A float mode, whose bits and group size are fixed.</summary>
    /// <param name="mode">Another mode than <see cref="MlxMode.Affine"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is the affine one.</exception>
    public MlxQuantization(MlxMode mode)
    {
        (Mode, Bits, GroupSize) = mode switch
        {
            MlxMode.Mxfp4 => (mode, 4, 32),
            MlxMode.Nvfp4 => (mode, 4, 16),
            MlxMode.Mxfp8 => (mode, 8, 32),
            _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "a float mode"),
        };
    }

    /// <summary>The mode.</summary>
    public MlxMode Mode { get; }

    /// <summary>Bits per quant.</summary>
    public int Bits { get; }

    /// <summary>Elements that share a scale and a bias.</summary>
    public int GroupSize { get; }

    /// <summary>The mode's name in <c>config.json</c>.</summary>
    public string ModeName => Mode switch
    {
        MlxMode.Affine => "affine",
        MlxMode.Mxfp4 => "mxfp4",
        MlxMode.Nvfp4 => "nvfp4",
        _ => "mxfp8",
    };

    /// <summary>The variant that a model of these settings is.</summary>
    public string Variant => Mode == MlxMode.Affine ? $"mlx:{Bits}bit-g{GroupSize}" : $"mlx:{ModeName}";

    /// <summary>The mode of a name; null = MLX has none of it.</summary>
    internal static MlxMode? FindMode(string name) => name switch
    {
        "affine" => MlxMode.Affine,
        "mxfp4" => MlxMode.Mxfp4,
        "nvfp4" => MlxMode.Nvfp4,
        "mxfp8" => MlxMode.Mxfp8,
        _ => null,
    };

    /// <summary>Whether MLX has a bit width.</summary>
    internal static bool IsBits(long bits) => bits is 2 or 3 or 4 or 5 or 6 or 8;

    /// <summary>Whether MLX has a group size.</summary>
    internal static bool IsGroupSize(long groupSize) => groupSize is 32 or 64 or 128;

    /// <summary>Opens a matrix of these settings.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie, for messages.</param>
    /// <param name="module">Path of the module.</param>
    /// <param name="stacked">Matrices that lie one behind the other in each tensor, and are given as one; 0 = it is a single
    /// matrix.</param>
    /// <exception cref="ModelFormatException">A tensor is missing, or they don't fit each other or the settings.</exception>
    internal IWeightMatrix Open(SafetensorsModel model, string directory, string module, int stacked)
    {
        if (Mode == MlxMode.Affine) return MlxMatrix.Open(model, directory, module, this, stacked);
        (SafetensorsTensorInfo packed, int rows, int words) =
            MatrixShape.Require(model, directory, $"{module}.weight", stacked, SafetensorsDType.U32);
        (SafetensorsTensorInfo scales, _, _) =
            MatrixShape.Require(model, directory, $"{module}.scales", stacked, SafetensorsDType.U8);
        int columns = checked(words * (32 / Bits));
        MatrixShape.Expect(model, scales, rows, columns / GroupSize);
        ElementCode code = Mode == MlxMode.Mxfp8 ? ElementCode.E4M3 : ElementCode.E2M1;
        var grid = ScaleGrid.Open(model, scales, rows, columns, (1, GroupSize), isE4M3: Mode == MlxMode.Nvfp4);
        return new ScaledMatrix(model, packed, code, columns, grid, packed.ByteSize + scales.ByteSize);
    }
}
