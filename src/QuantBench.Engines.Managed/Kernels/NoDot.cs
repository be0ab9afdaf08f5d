namespace QuantBench.Engines.Managed.Kernels;

/// <summary>For types that vectors of some width have no kernel for.</summary>
internal unsafe struct NoDot : IDot
{
    static float IDot.Row(byte* row, byte* entries, int columns, sbyte* q, float* d, float* sums) => throw new NotSupportedException();
}
