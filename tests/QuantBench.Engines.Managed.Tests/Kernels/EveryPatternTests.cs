using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Tests.Kernels;

/// <summary>Every kernel set against the scalar definition, for every bit pattern a number in a file can have, infinities and NaNs
/// included.</summary>
public sealed unsafe class EveryPatternTests
{
    private const int Columns = 256;
    private const int Tokens = 6;

    // Sums that go near a float's largest number may overflow on one path only; below its smallest normal one digits are lost.
    private const double Large = 1e36, Small = 1e-37;

    public static TheoryData<GgmlType> Types =>
        [.. GgmlTypes.All.Where(info => info.HoldsWeights && info.Type != GgmlType.F32).Select(info => info.Type)];

    [Theory]
    [MemberData(nameof(Types))]
    public void Multiply_AgreesWithScalar_ForEveryPatternOfEveryScale(GgmlType type)
    {
        int patterns = type is GgmlType.MXFP4 or GgmlType.NVFP4 ? 256 : 65_536;
        for (int field = 0; field < RandomMatrix.Scales(type); field++)
        {
            for (int first = 0; first < patterns; first += 4096)
            {
                using var matrix = new RandomMatrix(type, Math.Min(4096, patterns), Columns, Tokens, first + field);
                for (int row = 0; row < matrix.Weights.Rows; row++) matrix.SetScale(row, field, (ushort)(first + row));
                Check(matrix);
            }
        }
    }

    /// <summary>What isn't finite stays so, in every operation and at every place of a vector or the rest behind it.</summary>
    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Operations_KeepWhatIsNotFinite(float special)
    {
        const int count = 96;
        float* x = stackalloc float[count], y = stackalloc float[count], result = stackalloc float[count];
        foreach (KernelSet kernels in Models.VectorKernels.Append(new ScalarKernels()))
        {
            for (int n = 1; n <= count; n += n < 40 ? 1 : 17)
            {
                for (int at = 0; at < n; at++)
                {
                    for (int i = 0; i < n; i++) (x[i], y[i]) = (i % 5 - 2, 0.25f);
                    x[at] = special;
                    NotFinite(kernels.Dot(x, y, n), "dot");
                    if (special != float.NegativeInfinity || n == 1)
                    {
                        float maximum = kernels.Maximum(x, n);
                        NotFinite(maximum, "maximum");
                        new Span<float>(x, n).CopyTo(new Span<float>(result, n));
                        NotFinite(kernels.Exponentials(result, n, maximum), "exponentials");
                    }

                    kernels.RmsNorm(x, y, result, n, 1e-5f);
                    NotFinite(result[at], "norm");
                    foreach (bool gelu in new[] { false, true })
                    {
                        kernels.Gate(x, y, result, n, gelu);
                        NotFinite(result[at], "gate");
                        kernels.Gate(y, x, result, n, gelu);
                        NotFinite(result[at], "up");
                    }

                    void NotFinite(float value, string operation)
                    {
                        if (float.IsFinite(value)) Assert.Fail($"{kernels.Name}: {operation} with {special} at {at} of {n}");
                    }
                }
            }

            using var inputs = new Activations(1, count);
            for (int at = 0; at < count; at++)
            {
                new Span<float>(inputs.Values, count).Fill(1);
                inputs.Values[at] = special;
                kernels.Quantize(inputs, 0, 0, count);
                for (int block = 0; block < count / 32; block++)
                    Assert.Equal(block != at / 32, float.IsFinite(inputs.Scales[block]));
            }
        }
    }

    private static void Check(RandomMatrix matrix)
    {
        float[] scalar = new float[matrix.Weights.Rows * Columns];
        GgmlTypes.Codec(matrix.Weights.Type).DequantizeScalar(
            new ReadOnlySpan<byte>(matrix.Weights.Data, (int)matrix.Weights.RowBytes * matrix.Weights.Rows), scalar);
        foreach (IGrouping<bool, KernelSet> group in Models.VectorKernels.GroupBy(k => k.UsesQuantizedInputs(matrix.Weights.Type)))
        {
            var expected = new (double Value, double Magnitude)[Tokens * matrix.Weights.Rows];
            for (int i = 0; i < expected.Length; i++)
            {
                (int token, int row) = Math.DivRem(i, matrix.Weights.Rows);
                expected[i] = matrix.Exact(scalar.AsSpan(row * Columns, Columns), token, group.Key);
            }

            foreach (KernelSet kernels in group)
            {
                Check(kernels, matrix, scalar, expected, "");
                long size = kernels.RepackedBytes(matrix.Weights);
                if (size == 0) continue;
                using var repacked = new NativeBuffer(size);
                matrix.Weights.Repacked = repacked.As<byte>();
                for (int panel = 0; panel < matrix.Weights.Rows / 16; panel++) kernels.Repack(matrix.Weights, panel, matrix.Scratch);
                Check(kernels, matrix, scalar, expected, ", repacked");
                matrix.Weights.Repacked = null;
            }
        }
    }

    private static void Check(
        KernelSet kernels, RandomMatrix matrix, float[] scalar, (double Value, double Magnitude)[] expected, string layout)
    {
        int rows = matrix.Weights.Rows;
        float[] output = new float[Tokens * rows], decoded = new float[Columns];
        foreach (int tokens in new[] { 1, Tokens })
        {
            fixed (float* target = output)
                kernels.Multiply(matrix.Weights, 0, rows, matrix.Inputs, tokens, target, rows, matrix.Scratch);
            for (int i = 0; i < tokens * rows; i++)
            {
                (double value, double magnitude) = expected[i];
                if (double.IsFinite(magnitude) && magnitude > Large) continue;
                bool agrees = double.IsFinite(magnitude)
                    ? Math.Abs(output[i] - value) <= (1e-5 * magnitude) + Small
                    : !float.IsFinite(output[i]);
                if (agrees) continue;
                Assert.Fail($"{kernels.Name}{layout}, row {i % rows}, token {i / rows} of {tokens}: {output[i]:R} instead of {value:R}");
            }
        }

        for (int row = 0; row < rows; row++)
        {
            fixed (float* target = decoded) kernels.Decode(matrix.Weights, row, 0, Columns, target);
            if (!scalar.AsSpan(row * Columns, Columns).SequenceEqual(decoded))
                Assert.Fail($"{kernels.Name}{layout}: row {row} is decoded to other floats");
        }
    }
}
