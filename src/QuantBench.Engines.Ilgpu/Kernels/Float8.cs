namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Eight floats in registers.</summary>
internal struct Float8
{
    public float A;
    public float B;
    public float C;
    public float D;
    public float E;
    public float F;
    public float G;
    public float H;
}
