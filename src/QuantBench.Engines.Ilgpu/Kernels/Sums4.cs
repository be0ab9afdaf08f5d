namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Results of one token for the four rows of a thread.</summary>
internal struct Sums4
{
    public float A;
    public float B;
    public float C;
    public float D;
}
