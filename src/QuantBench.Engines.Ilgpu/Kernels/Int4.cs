namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Sixteen bytes that are loaded at once.</summary>
internal struct Int4
{
    public int X;
    public int Y;
    public int Z;
    public int W;
}
