using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// Products for few tokens (decode): weights are read once, decoded in registers and never written. Some neighbouring threads (lanes) share a
/// row; a group does several rows. Grid: (row groups, tokens).
/// </summary>
internal static class MatVecKernels
{
    /// <summary>Quantized weights with 8-bit inputs.</summary>
    /// <param name="m">The weights.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="output">[tokens, stride].</param>
    /// <param name="stride">Floats from one token's results to the next one's.</param>
    /// <param name="first">Where the matrix's first row goes within a token's results.</param>
    /// <param name="lanes">Threads per row: a power of two that divides the group.</param>
    public static void Quantized<TFormat>(MatrixView m, InputView x, ArrayView<float> output, int stride, int first, int lanes)
        where TFormat : struct, IChunkFormat
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        int lane = Group.IdxX & (lanes - 1);
        int row = (Grid.IdxX * (Group.DimX / lanes)) + (Group.IdxX / lanes);
        int token = Grid.IdxY;
        TFormat format = default;
        float sum = 0;
        if (row < m.Rows)
        {
            long start = (long)row * m.Chunks;
            for (int c = lane; c < m.Chunks; c += lanes) sum += Arithmetic.Dot(format.Load(m, start + c), x.Load(token, c));
        }

        sum = Reduce(shared, sum, lane, lanes);
        if (lane == 0 && row < m.Rows) output[((long)token * stride) + first + row] = sum;
    }

    /// <summary>Floating-point weights with floating-point inputs.</summary>
    /// <inheritdoc cref="Quantized{TFormat}"/>
    public static void Float<TFormat>(MatrixView m, InputView x, ArrayView<float> output, int stride, int first, int lanes)
        where TFormat : struct, IFloatFormat
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        int lane = Group.IdxX & (lanes - 1);
        int row = (Grid.IdxX * (Group.DimX / lanes)) + (Group.IdxX / lanes);
        int token = Grid.IdxY;
        TFormat format = default;
        float sum = 0;
        if (row < m.Rows)
        {
            int octets = m.Chunks * 4;
            long start = (long)row * octets;
            long at = (long)token * x.Stride;
            for (int o = lane; o < octets; o += lanes)
            {
                Float8 w = format.Load(m, start + o);
                long i = at + (8 * o);
                sum += (w.A * x.Values[i]) + (w.B * x.Values[i + 1]) + (w.C * x.Values[i + 2]) + (w.D * x.Values[i + 3])
                    + (w.E * x.Values[i + 4]) + (w.F * x.Values[i + 5]) + (w.G * x.Values[i + 6]) + (w.H * x.Values[i + 7]);
            }
        }

        sum = Reduce(shared, sum, lane, lanes);
        if (lane == 0 && row < m.Rows) output[((long)token * stride) + first + row] = sum;
    }

    private static float Reduce(ArrayView<float> shared, float sum, int lane, int lanes)
    {
        int thread = Group.IdxX;
        shared[thread] = sum;
        Group.Barrier();
        for (int half = lanes >> 1; half > 0; half >>= 1)
        {
            if (lane < half) shared[thread] += shared[thread + half];
            Group.Barrier();
        }

        return shared[thread];
    }
}
