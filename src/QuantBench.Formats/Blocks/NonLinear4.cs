using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>The 16 uneven levels of <see cref="IQ4_NL"/> and <see cref="IQ4_XS"/>.</summary>
internal static class NonLinear4
{
    /// <summary>Levels, ascending.</summary>
    public static ReadOnlySpan<sbyte> Levels => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>As one register, for table shuffles.</summary>
    public static Vector128<sbyte> Vector => Vector128.Create((sbyte)-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
}
