namespace QuantBench.Formats.Blocks;

/// <summary>Extreme values of a block, from which simple types take their scale.</summary>
internal static class Extremes
{
    /// <summary>The value of largest magnitude with its sign, the first of equals; 0 when all are zero or NaN.</summary>
    public static float Signed(ReadOnlySpan<float> values)
    {
        float largest = 0;
        float extreme = 0;
        foreach (float value in values)
        {
            float magnitude = MathF.Abs(value);
            if (magnitude <= largest || float.IsNaN(magnitude)) continue;
            largest = magnitude;
            extreme = value;
        }

        return extreme;
    }

    /// <summary>Smallest and largest value; NaN is passed over.</summary>
    public static (float Min, float Max) Range(ReadOnlySpan<float> values)
    {
        float min = float.MaxValue;
        float max = float.MinValue;
        foreach (float value in values)
        {
            if (value < min) min = value;
            if (value > max) max = value;
        }

        return (min, max);
    }
}
