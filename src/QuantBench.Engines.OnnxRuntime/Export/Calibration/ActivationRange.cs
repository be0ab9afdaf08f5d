namespace QuantBench.Engines.OnnxRuntime.Export.Calibration;

/// <summary>Range of an activation's values that unsigned bytes are spread over; it contains 0.</summary>
/// <param name="Lowest">At most 0.</param>
/// <param name="Highest">At least 0.</param>
internal readonly record struct ActivationRange(float Lowest, float Highest)
{
    /// <summary>Difference of two neighbouring values.</summary>
    public float Scale => Highest - Lowest is var width and > 0 ? width / 255 : 1;

    /// <summary>The byte that stands for 0.</summary>
    public byte ZeroPoint => (byte)Math.Clamp(MathF.Round(-Lowest / Scale), 0, 255);

    /// <summary>A range that contains 0 and what was seen.</summary>
    /// <param name="lowest">Smallest value.</param>
    /// <param name="highest">Largest value.</param>
    public static ActivationRange Of(float lowest, float highest) => new(MathF.Min(lowest, 0), MathF.Max(highest, 0));
}
