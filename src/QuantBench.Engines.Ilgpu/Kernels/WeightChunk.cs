namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// 32 consecutive weights of a row in the one form that all integer products read: signed bytes q, four to a word in element order, and for
/// each half of 16 a scale s and an offset o, so that weight = s·q + o.
/// </summary>
internal struct WeightChunk
{
    public Int4 Low;
    public Int4 High;
    public float ScaleLow;
    public float ScaleHigh;
    public float OffsetLow;
    public float OffsetHigh;

    /// <summary>Weights that share a scale and an offset.</summary>
    public static WeightChunk Of(Int4 low, Int4 high, float scale, float offset) => new()
    {
        Low = low,
        High = high,
        ScaleLow = scale,
        ScaleHigh = scale,
        OffsetLow = offset,
        OffsetHigh = offset,
    };

    /// <summary>Weights whose halves have scales of their own, and offsets that are these times a number.</summary>
    public static WeightChunk Of(Int4 low, Int4 high, float scaleLow, float scaleHigh, float zero) => new()
    {
        Low = low,
        High = high,
        ScaleLow = scaleLow,
        ScaleHigh = scaleHigh,
        OffsetLow = zero * scaleLow,
        OffsetHigh = zero * scaleHigh,
    };
}
