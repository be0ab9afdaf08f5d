namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// Matrix products of many tokens through floats: a block of rows is decoded once, laid out column by column, and used by all tokens. Serves
/// float types and every quantized type without an integer panel.
/// </summary>
internal static unsafe class FloatPanel
{
    /// <summary>Rows of a panel.</summary>
    public const int Rows = 64;

    /// <summary>Columns decoded at once: 64 × 512 floats are 128 KiB and stay in the second-level cache.</summary>
    public const int Depth = 512;

    /// <summary>Same contract as <see cref="KernelSet.Multiply"/>.</summary>
    public static void Multiply(
        KernelSet kernels, WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride, WorkerScratch scratch)
    {
        for (int row = first; row < first + rows; row += Rows)
        {
            MultiplyPanel(kernels, weights, row, Math.Min(Rows, first + rows - row), inputs, tokens, output, stride, scratch);
        }
    }

    private static void MultiplyPanel(
        KernelSet kernels, WeightMatrix weights, int row, int rows, Activations inputs, int tokens, float* output, int stride, WorkerScratch scratch)
    {
        float* panel = (float*)scratch.Panel;
        bool whole = rows == Rows;
        for (int column = 0; column < weights.Columns; column += Depth)
        {
            int depth = Math.Min(Depth, weights.Columns - column);
            if (!whole) new Span<float>(panel, depth * Rows).Clear();
            for (int r = 0; r < rows; r++)
            {
                kernels.Decode(weights, row + r, column, depth, scratch.Row);
                float* target = panel + r;
                for (int k = 0; k < depth; k++) target[k * Rows] = scratch.Row[k];
            }

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
                    count, Rows, depth, inputs.Values + ((long)t * inputs.Stride) + column, inputs.Stride, panel, Rows, target, targetStride);
                if (whole) continue;
                for (int i = 0; i < count; i++)
                {
                    float* result = output + ((long)(t + i) * stride) + row;
                    for (int r = 0; r < rows; r++) result[r] = (column == 0 ? 0 : result[r]) + scratch.Tile[(i * Rows) + r];
                }
            }
        }
    }
}
