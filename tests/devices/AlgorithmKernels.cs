using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Algorithms.ScanReduceOperations;
using QuantBench.Engines.Ilgpu.Kernels;

namespace QuantBench.DeviceCheck;

/// <summary>The same kernel twice: with what the engine has, and with what ILGPU.Algorithms has.</summary>
internal static class AlgorithmKernels
{
    /// <summary>Sum of squares of each row, by the engine's reduction. Grid: (rows).</summary>
    public static void OurSquares(ArrayView<float> values, int width, ArrayView<float> sums)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        float sum = GroupReduction.Sum(shared, Squares(values, width));
        if (Group.IdxX == 0) sums[Grid.IdxX] = sum;
    }

    /// <summary>The same by the library's. Grid: (rows).</summary>
    public static void TheirSquares(ArrayView<float> values, int width, ArrayView<float> sums)
    {
        float sum = GroupExtensions.AllReduce<float, AddFloat>(Squares(values, width));
        if (Group.IdxX == 0) sums[Grid.IdxX] = sum;
    }

    /// <summary>Exponentials by the engine's arithmetic. Grid: (pieces).</summary>
    public static void OurExp(ArrayView<float> values, ArrayView<float> results)
    {
        long i = ((long)Grid.IdxX * Group.DimX) + Group.IdxX;
        if (i < values.Length) results[i] = Arithmetic.Exp(values[i]);
    }

    /// <summary>Exponentials by the library. Grid: (pieces).</summary>
    public static void TheirExp(ArrayView<float> values, ArrayView<float> results)
    {
        long i = ((long)Grid.IdxX * Group.DimX) + Group.IdxX;
        if (i < values.Length) results[i] = XMath.Exp(values[i]);
    }

    private static float Squares(ArrayView<float> values, int width)
    {
        long at = (long)Grid.IdxX * width;
        float sum = 0;
        for (int i = Group.IdxX; i < width; i += Group.DimX) sum += values[at + i] * values[at + i];
        return sum;
    }
}
