using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Matrix products of many tokens through floats: a block of rows is decoded once, laid out column by column, and used by all tokens.
/// Serves float types and every quantized type without an integer panel.
/// </summary>
internal static unsafe class FloatPanel
{
    /// <summary>Rows of a panel.</summary>
    public const int Rows = 64;

    /// <summary>Columns decoded at once: 64 × 512 floats are 128 KiB and stay in the second-level cache.</summary>
    public const int Depth = 512;

    private const int Turned = 8;

    /// <summary>Same contract as <see cref="KernelSet.Multiply"/>.</summary>
    public static void Multiply(
        KernelSet kernels, WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride,
        WorkerScratch scratch)
    {
        for (int row = first; row < first + rows; row += Rows)
        {
            MultiplyPanel(kernels, weights, row, Math.Min(Rows, first + rows - row), inputs, tokens, output, stride, scratch);
        }
    }

    private static void MultiplyPanel(
        KernelSet kernels, WeightMatrix weights, int row, int rows, Activations inputs, int tokens, float* output, int stride,
        WorkerScratch scratch)
    {
        float* panel = (float*)scratch.Panel;
        bool whole = rows == Rows;
        for (int column = 0; column < weights.Columns; column += Depth)
        {
            int depth = Math.Min(Depth, weights.Columns - column);
            if (!whole) new Span<float>(panel, depth * Rows).Clear();
            Pack(kernels, weights, row, rows, column, depth, panel, scratch.Tile);

            // A panel that the matrix' end cuts off is computed whole into a tile, and its valid rows are copied.
            for (int t = 0; t < tokens; t += 64)
            {
                int count = Math.Min(64, tokens - t);
                float* target = whole ? output + ((long)t * stride) + row : scratch.Tile;
                int targetStride = whole ? stride : Rows;
                if (!whole || column == 0)
                {
                    for (int i = 0; i < count; i++) new Span<float>(target + ((long)i * targetStride), Rows).Clear();
                }

                kernels.MultiplyAdd(
                    count, Rows, depth, inputs.Values + ((long)t * inputs.Stride) + column, inputs.Stride, panel, Rows, target,
                    targetStride);
                if (whole) continue;
                for (int i = 0; i < count; i++)
                {
                    float* result = output + ((long)(t + i) * stride) + row;
                    for (int r = 0; r < rows; r++) result[r] = (column == 0 ? 0 : result[r]) + scratch.Tile[(i * Rows) + r];
                }
            }
        }
    }

    /// <summary>
    /// Decodes rows and lays them out column by column. Eight rows are turned at once: written one row after the other, every cache line of
    /// the panel would be fetched for each of its 16 rows.
    /// </summary>
    /// <param name="kernels">Decodes.</param>
    /// <param name="weights">The matrix.</param>
    /// <param name="row">First row.</param>
    /// <param name="rows">Rows that exist.</param>
    /// <param name="column">First column.</param>
    /// <param name="depth">Columns.</param>
    /// <param name="panel">[depth, 64].</param>
    /// <param name="decoded">[8, 512].</param>
    private static void Pack(KernelSet kernels, WeightMatrix weights, int row, int rows, int column, int depth, float* panel,
        float* decoded)
    {
        for (int r = 0; r < rows; r += Turned)
        {
            int count = Math.Min(Turned, rows - r);
            for (int i = 0; i < count; i++) kernels.Decode(weights, row + r + i, column, depth, decoded + (i * Depth));
            float* target = panel + r;
            int k = 0;
            if (Avx.IsSupported && count == Turned)
            {
                for (; k <= depth - Turned; k += Turned) Turn8x8(decoded + k, target + (k * Rows));
            }

            for (; k < depth; k++)
            {
                for (int i = 0; i < count; i++) target[(k * Rows) + i] = decoded[(i * Depth) + k];
            }
        }
    }

    /// <summary>Eight columns of eight decoded rows to eight rows of the panel: pairs, fours, then halves change places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn8x8(float* source, float* target)
    {
        Vector256<float> r0 = Vector256.Load(source), r1 = Vector256.Load(source + Depth);
        Vector256<float> r2 = Vector256.Load(source + (2 * Depth)), r3 = Vector256.Load(source + (3 * Depth));
        Vector256<float> r4 = Vector256.Load(source + (4 * Depth)), r5 = Vector256.Load(source + (5 * Depth));
        Vector256<float> r6 = Vector256.Load(source + (6 * Depth)), r7 = Vector256.Load(source + (7 * Depth));
        Vector256<double> p0 = Avx.UnpackLow(r0, r1).AsDouble(), p1 = Avx.UnpackHigh(r0, r1).AsDouble();
        Vector256<double> p2 = Avx.UnpackLow(r2, r3).AsDouble(), p3 = Avx.UnpackHigh(r2, r3).AsDouble();
        Vector256<double> p4 = Avx.UnpackLow(r4, r5).AsDouble(), p5 = Avx.UnpackHigh(r4, r5).AsDouble();
        Vector256<double> p6 = Avx.UnpackLow(r6, r7).AsDouble(), p7 = Avx.UnpackHigh(r6, r7).AsDouble();
        Vector256<float> q0 = Avx.UnpackLow(p0, p2).AsSingle(), q1 = Avx.UnpackHigh(p0, p2).AsSingle();
        Vector256<float> q2 = Avx.UnpackLow(p1, p3).AsSingle(), q3 = Avx.UnpackHigh(p1, p3).AsSingle();
        Vector256<float> q4 = Avx.UnpackLow(p4, p6).AsSingle(), q5 = Avx.UnpackHigh(p4, p6).AsSingle();
        Vector256<float> q6 = Avx.UnpackLow(p5, p7).AsSingle(), q7 = Avx.UnpackHigh(p5, p7).AsSingle();
        Avx.Permute2x128(q0, q4, 0x20).Store(target);
        Avx.Permute2x128(q1, q5, 0x20).Store(target + Rows);
        Avx.Permute2x128(q2, q6, 0x20).Store(target + (2 * Rows));
        Avx.Permute2x128(q3, q7, 0x20).Store(target + (3 * Rows));
        Avx.Permute2x128(q0, q4, 0x31).Store(target + (4 * Rows));
        Avx.Permute2x128(q1, q5, 0x31).Store(target + (5 * Rows));
        Avx.Permute2x128(q2, q6, 0x31).Store(target + (6 * Rows));
        Avx.Permute2x128(q3, q7, 0x31).Store(target + (7 * Rows));
    }
}
