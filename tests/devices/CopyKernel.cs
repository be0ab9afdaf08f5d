using ILGPU;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.DeviceCheck;

/// <summary>Copies memory sixteen bytes at a time: what the device can do at best.</summary>
internal static class CopyKernel
{
    /// <summary>Grid: any.</summary>
    public static void Copy(ArrayView<Int4> from, ArrayView<Int4> to)
    {
        long step = (long)Grid.DimX * Group.DimX;
        for (long i = ((long)Grid.IdxX * Group.DimX) + Group.IdxX; i < from.Length; i += step) to[i] = from[i];
    }
}
