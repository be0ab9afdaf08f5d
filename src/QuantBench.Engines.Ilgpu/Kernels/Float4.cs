namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Four floats that are loaded and stored at once.</summary>
internal struct Float4
{
    public float X;
    public float Y;
    public float Z;
    public float W;
}
