using ILGPU.Runtime;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Formats.Gguf;

namespace QuantBench.DeviceCheck;

/// <summary>Products and lookups of one format against its codec's plain definition, in double precision.</summary>
internal static class ProductChecks
{
    private static readonly (int Rows, int Blocks, int Tokens)[] s_shapes =
    [
        (1, 1, 1), // one row, one block
        (33, 3, 2), // one row more than a tile, a number of blocks that no power of two divides
        (70, 5, 33), // one token more than a tile
        (31, 2, 5),
        (128, 1, 4),
    ];

    /// <summary>Checks a format; throws <see cref="CheckFailedException"/> at the first difference.</summary>
    /// <param name="device">The device.</param>
    /// <param name="type">The format.</param>
    /// <returns>Number of results compared.</returns>
    public static long Run(TestDevice device, GgmlType type)
    {
        int block = Math.Max(32, GgmlTypes.Get(type).BlockElements);
        bool floats = DeviceFormats.All[type].ReadsFloats;
        long compared = 0;
        foreach ((int rows, int blocks, int tokens) in device.IsSimulated ? s_shapes[..2] : s_shapes)
        {
            if (device.Memory.HasTensorCores)
            {
                compared += RunTensor(device, type, rows, block * blocks, tokens, exact: false);
                compared += RunTensor(device, type, rows, block, tokens, exact: true);
            }

            int seed = rows + blocks;

            // Exact sums need few columns; rows of single floats may end anywhere.
            foreach ((int columns,
                bool exact) in new[] { (block, true), (block * blocks, false), (floats ? (block * blocks) - 13 : block * blocks, false) })
            {
                var random = new Random(seed + columns);
                using var matrix = new TestMatrix(device, type, rows, columns, random, exact);
                compared += Run(device, matrix, tokens, random, exact, type.ToString());
                if (device.IsSimulated && columns > block) break;
            }
        }

        return compared;
    }

    /// <summary>Checks the product by tensor cores, which the device has or simulates by warps of 32; throws
    /// <see cref="CheckFailedException"/> at the first difference.</summary>
    /// <param name="device">The device.</param>
    /// <param name="type">The format.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns; whole blocks.</param>
    /// <param name="tokens">Number of input vectors.</param>
    /// <param name="exact">Whether numbers are such that results must be equal to the last bit.</param>
    /// <returns>Number of results compared.</returns>
    public static long RunTensor(TestDevice device, GgmlType type, int rows, int columns, int tokens, bool exact)
    {
        const int before = 3;
        var random = new Random(rows + columns);
        using var matrix = new TestMatrix(device, type, rows, columns, random, exact);
        using var inputs = new TestInputs(device, tokens, columns, random, exact);
        int stride = before + rows + 2;
        float[] poison = new float[tokens * stride];
        Array.Fill(poison, float.NaN);
        using MemoryBuffer1D<float, ILGPU.Stride1D.Dense> results = device.Upload<float>(poison);
        device.Kernels.Of(matrix.OnDevice.Format)
            .TensorMatMul(device.Memory.Stream, matrix.OnDevice.View, inputs.Buffer.View, tokens, results.View, stride, before);

        // Products of floats leave out what is below 2⁻¹⁶ of each, and inputs are rounded by 2⁻¹⁷.
        Compare(
            matrix, inputs, device.Download(results, poison.Length), stride, before, exact,
            $"{type} tensor cores {rows}x{columns}, {tokens} tokens",
            matrix.OnDevice.Format.ReadsFloats ? Math.ScaleB(1, -15) : 0);
        return (long)tokens * rows;
    }

    /// <summary>Checks the products and the lookup of a matrix.</summary>
    /// <param name="device">The device.</param>
    /// <param name="matrix">The matrix.</param>
    /// <param name="tokens">Number of input vectors.</param>
    /// <param name="random">Decides them.</param>
    /// <param name="exact">Whether results must be equal to the last bit.</param>
    /// <param name="name">For messages.</param>
    public static long Run(TestDevice device, TestMatrix matrix, int tokens, Random random, bool exact, string name)
    {
        using var inputs = new TestInputs(device, tokens, matrix.Columns, random, exact);

        // Results of a matrix lie between those of others.
        const int before = 3;
        int stride = before + matrix.Rows + 2;
        FormatKernels kernels = device.Kernels.Of(matrix.OnDevice.Format);
        float[] poison = new float[tokens * stride];
        Array.Fill(poison, float.NaN);
        using MemoryBuffer1D<float, ILGPU.Stride1D.Dense> vector = device.Upload<float>(poison), tiles = device.Upload<float>(poison);
        kernels.MatVec(device.Memory.Stream, device.Kernels.Threads, matrix.OnDevice.View, inputs.Buffer.View, tokens, vector.View, stride,
            before);
        kernels.TiledMatMul(device.Memory.Stream, matrix.OnDevice.View, inputs.Buffer.View, tokens, tiles.View, stride, before);
        Compare(matrix, inputs, device.Download(vector, poison.Length), stride, before, exact,
            $"{name} mat-vec {matrix.Rows}x{matrix.Columns}, {tokens} tokens");
        Compare(matrix, inputs, device.Download(tiles, poison.Length), stride, before, exact,
            $"{name} mat-mat {matrix.Rows}x{matrix.Columns}, {tokens} tokens");
        return (2L * tokens * matrix.Rows) + Gather(device, matrix, random, name);
    }

    private static void Compare(TestMatrix matrix, TestInputs inputs, float[] results, int stride, int before, bool exact, string what,
        double rounding = 0)
    {
        bool rounded = !matrix.OnDevice.Format.ReadsFloats;
        for (int t = 0; t < inputs.Tokens; t++)
        {
            for (int i = 0; i < stride; i++)
            {
                float result = results[(t * stride) + i];
                int row = i - before;
                if (row < 0 || row >= matrix.Rows)
                {
                    if (!float.IsNaN(result))
                        throw new CheckFailedException($"{what}: wrote {result} outside its rows, at {row} of token {t}");
                    continue;
                }

                double sum = 0, magnitude = 0;
                for (int c = 0; c < matrix.Columns; c += 16)
                {
                    // A weight is a scaled quant plus an offset, which may cancel: the largest weight of a sub-block bounds both.
                    double largest = 0, absolute = 0;
                    for (int k = c; k < Math.Min(c + 16, matrix.Columns); k++)
                    {
                        double w = matrix.Weights[((long)row * matrix.Columns) + k], x = inputs.Value(t, k, rounded);
                        sum += w * x;
                        largest = Math.Max(largest, Math.Abs(w));
                        absolute += Math.Abs(x);
                    }

                    magnitude += 3 * largest * absolute;
                }

                // Additions of terms and lanes, multiplications by scales and the decoding of the weight itself.
                int operations = (rounded ? (matrix.Columns / 32) + 1 : matrix.Columns) + 16;
                double unit = Math.ScaleB(1, -24);
                double bound = exact ? 0 : ((operations * unit / (1 - (operations * unit))) + rounding) * magnitude;
                if (!(Math.Abs(result - sum) <= bound))
                    throw new CheckFailedException($"{what}: row {row} of token {t} is {result:R}, should be {sum:R} within {bound:G3}");
            }
        }
    }

    private static long Gather(TestDevice device, TestMatrix matrix, Random random, string name)
    {
        const float factor = 1.5f;
        int[] ids = [.. Enumerable.Range(0, 3).Select(_ => random.Next(matrix.Rows))];
        int stride = (matrix.Columns + 31) / 32 * 32;
        using MemoryBuffer1D<int, ILGPU.Stride1D.Dense> tokens = device.Upload<int>(ids);
        using MemoryBuffer1D<float, ILGPU.Stride1D.Dense> output = device.Upload<float>(new float[ids.Length * stride]);
        device.Kernels.Of(matrix.OnDevice.Format).Gather(
            device.Memory.Stream, device.Kernels.Threads, matrix.OnDevice.View, tokens.View, ids.Length, output.View, stride,
            matrix.Columns, factor);
        float[] results = device.Download(output, ids.Length * stride);
        for (int t = 0; t < ids.Length; t++)
        {
            for (int i = 0; i < matrix.Columns; i++)
            {
                float expected = matrix.Weights[((long)ids[t] * matrix.Columns) + i] * factor, result = results[(t * stride) + i];
                double largest = 0;
                for (int k = i / 16 * 16; k < Math.Min((i / 16 * 16) + 16, matrix.Columns); k++)
                    largest = Math.Max(largest, Math.Abs(matrix.Weights[((long)ids[t] * matrix.Columns) + k]));
                if (!(Math.Abs(result - expected) <= 16 * Math.ScaleB(largest, -24)))
                    throw new CheckFailedException($"{name} gather: element {i} of row {ids[t]} is {result:R}, should be {expected:R}");
            }
        }

        return (long)ids.Length * matrix.Columns;
    }
}
