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
        // Starts at the lowest level and adds the gap to the next one for each of the 15 midpoints that is passed. All numbers are small
        // integers, so three sums side by side give what one would, without waiting for each addition.
        Vector256<float> first = Vector256.Create(Lowest);
        Vector256<float> second = Vector256<float>.Zero;
        Vector256<float> third = Vector256<float>.Zero;
        for (int k = 0; k < NonLinear4.Midpoints.Length; k += 3)
        {
            first += Passed(value, k);
            second += Passed(value, k + 1);
            third += Passed(value, k + 2);
        }

        return first + second + third;
    }

    public static byte Code(float value)
    {
        byte code = 0;
        foreach (float midpoint in NonLinear4.Midpoints) code += value >= midpoint ? (byte)1 : (byte)0;
        return code;
    }

    private static Vector256<float> Passed(Vector256<float> value, int k) =>
        Vector256.GreaterThanOrEqual(value, Vector256.Create(NonLinear4.Midpoints[k])) & Vector256.Create(NonLinear4.Gaps[k]);
}
