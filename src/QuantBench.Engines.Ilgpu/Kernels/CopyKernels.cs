using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Copies memory sixteen bytes at a time: what a device can do at best.</summary>
internal static class CopyKernels
{
    /// <summary>Grid: any.</summary>
    /// <param name="from">Source.</param>
    /// <param name="to">Target, as long.</param>
    public static void Copy(ArrayView<Int4> from, ArrayView<Int4> to)
    {
        long step = (long)Grid.DimX * Group.DimX;
        for (long i = ((long)Grid.IdxX * Group.DimX) + Group.IdxX; i < from.Length; i += step) to[i] = from[i];
    }
}
