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
}
