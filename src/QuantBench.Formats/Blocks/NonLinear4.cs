using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>The 16 uneven levels of <see cref="IQ4_NL"/> and <see cref="IQ4_XS"/>.</summary>
internal static class NonLinear4
{
    // Arrays, because unoptimised code allocates for every use of a span over constant floats.
    private static readonly float[] s_midpoints = [-115.5f, -93.5f, -74, -57, -42, -28.5f, -16, -4.5f, 7, 19, 31.5f, 45.5f, 61, 79, 101];
    private static readonly float[] s_gaps = [23, 21, 18, 16, 14, 13, 12, 11, 12, 12, 13, 15, 16, 20, 24];

    /// <summary>Levels, ascending.</summary>
    public static ReadOnlySpan<sbyte> Levels => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>Midpoint k lies between levels k and k + 1.</summary>
    public static ReadOnlySpan<float> Midpoints => s_midpoints;

    /// <summary>Distance from level k to level k + 1.</summary>
    public static ReadOnlySpan<float> Gaps => s_gaps;

    /// <summary>As one register, for table shuffles.</summary>
    public static Vector128<sbyte> Vector =>
        Vector128.Create((sbyte)-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
}
