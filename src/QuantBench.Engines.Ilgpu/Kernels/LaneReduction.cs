using ILGPU;
using ILGPU.Runtime.Cuda;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Sums over the neighbouring threads (lanes) that share a row: a power of two of at most 32, hence of one warp.</summary>
internal static class LaneReduction
{
    /// <summary>The sum over all lanes, known to the first of them. All threads of the group must call.</summary>
    /// <param name="shared">A place per thread; not used on CUDA, whose warps exchange registers without barriers.</param>
    /// <param name="value">This thread's part.</param>
    /// <param name="lane">Which of the lanes it is.</param>
    /// <param name="lanes">How many there are.</param>
    public static float Sum(ArrayView<float> shared, float value, int lane, int lanes)
    {
        if (CudaAsm.IsSupported)
        {
            for (int half = lanes >> 1; half > 0; half >>= 1)
            {
                CudaAsm.Emit("shfl.sync.bfly.b32 %0, %1, %2, 31, 0xffffffff;", out float other, value, half);
                value += other;
            }

            return value;
        }

        int thread = Group.IdxX;
        Group.Barrier();
        shared[thread] = value;
        Group.Barrier();
        for (int half = lanes >> 1; half > 0; half >>= 1)
        {
            if (lane < half) shared[thread] += shared[thread + half];
            Group.Barrier();
        }

        return shared[thread];
    }
}
