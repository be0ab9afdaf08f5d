namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>32 consecutive inputs as signed bytes q with one scale d, and d·Σq of each half.</summary>
internal struct InputChunk
{
    public Int4 Low;
    public Int4 High;
    public float Scale;
    public float SumLow;
    public float SumHigh;
}
