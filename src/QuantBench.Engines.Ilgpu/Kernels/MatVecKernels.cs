using System.Runtime.CompilerServices;
using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// Products for few tokens (decode): weights are read once, decoded in registers and never written. Some neighbouring threads (lanes) share
/// two rows; a group does several such pairs. Grid: (groups of row pairs, tokens).
/// </summary>
/// <remarks>
/// What limits these kernels is how many bytes are on their way from memory at once. A step loads two pieces of each of two rows before it
/// uses the first, so each thread waits for four loads of weights together; the two rows share the loads of the inputs.
/// </remarks>
internal static class MatVecKernels
{
    /// <summary>Rows that a set of lanes computes together.</summary>
    public const int Rows = 2;

    /// <summary>Quantized weights with 8-bit inputs.</summary>
    /// <param name="m">The weights.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="output">[tokens, stride].</param>
    /// <param name="stride">Floats from one token's results to the next one's.</param>
    /// <param name="first">Where the matrix's first row goes within a token's results.</param>
    /// <param name="lanes">Threads per row pair: a power of two that divides the group, at most 32.</param>
    public static void Quantized<TFormat>(MatrixView m, InputView x, ArrayView<float> output, int stride, int first, int lanes)
        where TFormat : struct, IChunkFormat =>
        QuantizedRows<TFormat>(m, 0, m.Rows, x, Grid.IdxY, output, ((long)Grid.IdxY * stride) + first, lanes);

    /// <summary>The same for one token and some of the rows.</summary>
    /// <param name="m">The weights.</param>
    /// <param name="from">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="token">Which of them.</param>
    /// <param name="output">Receives results.</param>
    /// <param name="at">Where the first row's goes.</param>
    /// <param name="lanes">Threads per row pair.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void QuantizedRows<TFormat>(MatrixView m, int from, int rows, InputView x, int token, ArrayView<float> output, long at,
        int lanes)
        where TFormat : struct, IChunkFormat
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        int lane = Group.IdxX & (lanes - 1);
        int row = Rows * ((Grid.IdxX * (Group.DimX / lanes)) + (Group.IdxX / lanes));
        TFormat format = default;
        float sum0 = 0, sum1 = 0;
        if (row < rows)
        {
            // The last row of an odd number is computed twice.
            int start0 = (from + row) * m.Chunks;
            int start1 = row + 1 < rows ? start0 + m.Chunks : start0;
            int c = lane;
            for (; c + lanes < m.Chunks; c += 2 * lanes)
            {
                WeightChunk w00 = format.Load(m, start0 + c), w01 = format.Load(m, start0 + c + lanes);
                WeightChunk w10 = format.Load(m, start1 + c), w11 = format.Load(m, start1 + c + lanes);
                InputChunk x0 = x.Load(token, c), x1 = x.Load(token, c + lanes);
                sum0 += Arithmetic.Dot(w00, x0) + Arithmetic.Dot(w01, x1);
                sum1 += Arithmetic.Dot(w10, x0) + Arithmetic.Dot(w11, x1);
            }

            if (c < m.Chunks)
            {
                InputChunk x0 = x.Load(token, c);
                sum0 += Arithmetic.Dot(format.Load(m, start0 + c), x0);
                sum1 += Arithmetic.Dot(format.Load(m, start1 + c), x0);
            }
        }

        sum0 = LaneReduction.Sum(shared, sum0, lane, lanes);
        sum1 = LaneReduction.Sum(shared, sum1, lane, lanes);
        Store(output, at, rows, row, lane, sum0, sum1);
    }

    /// <summary>Floating-point weights with floating-point inputs.</summary>
    /// <inheritdoc cref="Quantized{TFormat}"/>
    public static void Float<TFormat>(MatrixView m, InputView x, ArrayView<float> output, int stride, int first, int lanes)
        where TFormat : struct, IFloatFormat =>
        FloatRows<TFormat>(m, 0, m.Rows, x, Grid.IdxY, output, ((long)Grid.IdxY * stride) + first, lanes);

    /// <summary>The same for one token and some of the rows.</summary>
    /// <param name="m">The weights.</param>
    /// <param name="from">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="token">Which of them.</param>
    /// <param name="output">Receives results.</param>
    /// <param name="at">Where the first row's goes.</param>
    /// <param name="lanes">Threads per row pair.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FloatRows<TFormat>(MatrixView m, int from, int rows, InputView x, int token, ArrayView<float> output, long at,
        int lanes)
        where TFormat : struct, IFloatFormat
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        int lane = Group.IdxX & (lanes - 1);
        int row = Rows * ((Grid.IdxX * (Group.DimX / lanes)) + (Group.IdxX / lanes));
        TFormat format = default;
        float sum0 = 0, sum1 = 0;
        if (row < rows)
        {
            int octets = m.Chunks * 4;
            int start0 = (from + row) * octets;
            int start1 = row + 1 < rows ? start0 + octets : start0;
            int o = lane;
            for (; o + lanes < octets; o += 2 * lanes)
            {
                Float8 w00 = format.Load(m, start0 + o), w01 = format.Load(m, start0 + o + lanes);
                Float8 w10 = format.Load(m, start1 + o), w11 = format.Load(m, start1 + o + lanes);
                Float8 x0 = x.LoadFloats(token, o), x1 = x.LoadFloats(token, o + lanes);
                sum0 += Arithmetic.Dot(w00, x0) + Arithmetic.Dot(w01, x1);
                sum1 += Arithmetic.Dot(w10, x0) + Arithmetic.Dot(w11, x1);
            }

            if (o < octets)
            {
                Float8 x0 = x.LoadFloats(token, o);
                sum0 += Arithmetic.Dot(format.Load(m, start0 + o), x0);
                sum1 += Arithmetic.Dot(format.Load(m, start1 + o), x0);
            }
        }

        sum0 = LaneReduction.Sum(shared, sum0, lane, lanes);
        sum1 = LaneReduction.Sum(shared, sum1, lane, lanes);
        Store(output, at, rows, row, lane, sum0, sum1);
    }

    private static void Store(ArrayView<float> output, long at, int rows, int row, int lane, float sum0, float sum1)
    {
        if (lane != 0) return;
        if (row < rows) output[at + row] = sum0;
        if (row + 1 < rows) output[at + row + 1] = sum1;
    }
}
