using System.Runtime.Intrinsics;

namespace QuantBench.Formats.Blocks;

/// <summary>The values that the quants of a type without offset can take.</summary>
internal interface ILevels
{
    /// <summary>The level of largest magnitude; negative.</summary>
    static abstract float Lowest { get; }

    /// <summary>Distance of the scales that the search tries, in units of <see cref="Lowest"/>'s.</summary>
    static abstract float SearchStep { get; }

    /// <summary>Nearest level of each lane.</summary>
    static abstract Vector256<float> Snap(Vector256<float> value);

    /// <summary>Code of the nearest level, as the block stores it.</summary>
    static abstract byte Code(float value);
}

/// <summary>−4 … 3, of <see cref="Q3_K"/>.</summary>
internal readonly struct ThreeBitLevels : ILevels
{
    public static float Lowest => -4;

    public static float SearchStep => 0.1f;

    public static Vector256<float> Snap(Vector256<float> value) =>
        Vector256.Min(Vector256.Max(Vector256.Round(value), Vector256.Create(-4f)), Vector256.Create(3f));

    public static byte Code(float value) => (byte)(Math.Clamp(MathF.Round(value), -4, 3) + 4);
}

/// <summary>−32 … 31, of <see cref="Q6_K"/>.</summary>
internal readonly struct SixBitLevels : ILevels
{
    public static float Lowest => -32;

    public static float SearchStep => 0.1f;

    public static Vector256<float> Snap(Vector256<float> value) =>
        Vector256.Min(Vector256.Max(Vector256.Round(value), Vector256.Create(-32f)), Vector256.Create(31f));

    public static byte Code(float value) => (byte)(Math.Clamp(MathF.Round(value), -32, 31) + 32);
}

/// <summary>The levels of <see cref="NonLinear4"/>.</summary>
internal readonly struct NonLinear4Levels : ILevels
{
    public static float Lowest => -127;

    public static float SearchStep => 1;

    public static Vector256<float> Snap(Vector256<float> value)
    {
        // Starts at the lowest level and adds the step to the next one for each midpoint that is passed.
        ReadOnlySpan<sbyte> levels = NonLinear4.Levels;
        Vector256<float> snapped = Vector256.Create(Lowest);
        for (int k = 1; k < levels.Length; k++)
        {
            Vector256<float> passed = Vector256.GreaterThanOrEqual(value, Vector256.Create(0.5f * (levels[k - 1] + levels[k])));
            snapped += passed & Vector256.Create((float)(levels[k] - levels[k - 1]));
        }

        return snapped;
    }

    public static byte Code(float value)
    {
        ReadOnlySpan<sbyte> levels = NonLinear4.Levels;
        byte code = 0;
        for (int k = 1; k < levels.Length; k++) code += value >= 0.5f * (levels[k - 1] + levels[k]) ? (byte)1 : (byte)0;
        return code;
    }
}
