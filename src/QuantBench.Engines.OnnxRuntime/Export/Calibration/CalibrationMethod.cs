namespace QuantBench.Engines.OnnxRuntime.Export.Calibration;

/// <summary>How activations' ranges are chosen from what was seen.</summary>
internal enum CalibrationMethod
{
    /// <summary>From the smallest to the largest value.</summary>
    MinMax,

    /// <summary>What holds 99.999 % of the values.</summary>
    Percentile,

    /// <summary>The clipping whose quantized histogram has the least divergence from the true one.</summary>
    Entropy,
}
