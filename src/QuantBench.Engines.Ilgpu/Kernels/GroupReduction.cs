using ILGPU;
using ILGPU.Runtime.Cuda;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// Reductions over a group through shared memory: OpenCL devices of most vendors can't shuffle between lanes, so every device reduces the
/// same way. All threads of the group must call; the order of additions is fixed, so results repeat bit for bit.
/// </summary>
internal static class GroupReduction
{
    /// <summary>Most threads of a group; the size of the shared arrays.</summary>
    public const int MaxThreads = 256;

    /// <summary>Sum over all threads, known to each.</summary>
    public static float Sum(ArrayView<float> shared, float value)
    {
        int thread = Group.IdxX;
        Group.Barrier();
        shared[thread] = value;
        Group.Barrier();
        if (CudaAsm.IsSupported)
        {
            for (int half = Group.DimX >> 1; half > 0; half >>= 1)
            {
                if (thread < half) shared[thread] += shared[thread + half];
                Group.Barrier();
            }

            return shared[0];
        }

        // The number of turns is known: PoCL copies all code behind a barrier that a condition may skip, such as a loop's first turn, for
        // either side. After three sums that took it a minute and a half.
        for (int half = MaxThreads >> 1; half > 0; half >>= 1)
        {
            if (thread < half && thread + half < Group.DimX) shared[thread] += shared[thread + half];
            Group.Barrier();
        }

        return shared[0];
    }

    /// <summary>The same where it is wanted, else any number; CUDA leaves it out then.</summary>
    public static float SumWhere(bool isWanted, ArrayView<float> shared, float value)
    {
        if (CudaAsm.IsSupported && !isWanted) return value;
        return Sum(shared, value);
    }

    /// <summary>Largest value over all threads, known to each.</summary>
    public static float Max(ArrayView<float> shared, float value)
    {
        int thread = Group.IdxX;
        Group.Barrier();
        shared[thread] = value;
        Group.Barrier();
        for (int half = Group.DimX >> 1; half > 0; half >>= 1)
        {
            if (thread < half)
            {
                float other = shared[thread + half];
                if (other > shared[thread]) shared[thread] = other;
            }

            Group.Barrier();
        }

        return shared[0];
    }
}
