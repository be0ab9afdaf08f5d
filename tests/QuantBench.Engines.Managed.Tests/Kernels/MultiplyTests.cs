using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.Managed.Tests.Kernels;

public sealed unsafe class MultiplyTests
{
    public static TheoryData<GgmlType> Types => [.. GgmlTypes.All.Where(info => info.HoldsWeights).Select(info => info.Type)];

    // A new type fails here until its kernels exist or it is said why they don't.
    [Fact]
    public void EveryType_HasIntegerKernelsAtEveryWidth_OrAReasonAgainst()
    {
        var none = new Dictionary<GgmlType, string>
        {
            [GgmlType.F32] = "a float",
            [GgmlType.F16] = "a float",
            [GgmlType.BF16] = "a float",
        };
        var notPortable = new Dictionary<GgmlType, string>
        {
            [GgmlType.IQ1_S] = "codebooks are looked up with AVX2 and BMI2",
            [GgmlType.IQ1_M] = "codebook",
            [GgmlType.IQ2_XXS] = "codebook",
            [GgmlType.IQ2_XS] = "codebook",
            [GgmlType.IQ2_S] = "codebook",
            [GgmlType.IQ3_XXS] = "codebook",
            [GgmlType.IQ3_S] = "codebook",
            [GgmlType.NVFP4] = "no 128-bit kernel walks blocks between 32 and 256",
            [GgmlType.Q1_0] = "the same",
            [GgmlType.Q2_0] = "the same",
        };
        foreach (GgmlTypeInfo info in GgmlTypes.All)
        {
            BlockKernels? kernels = BlockKernels.Of(info.Type);

            Assert.True((kernels is not null) == (info.HoldsWeights && !none.ContainsKey(info.Type)), $"{info.Name}: kernels");
            Assert.True(kernels is null || kernels.IsPortable != notPortable.ContainsKey(info.Type), $"{info.Name}: 128-bit kernels");
        }
    }

    // Rows around the panels' 16 and 64, tokens around the tiles' 2, 4 and 8 and the switch from rows to panels; nothing is square.
    [Theory]
    [MemberData(nameof(Types))]
    public void Multiply_IsTheExactProductUpToRounding_WhenShapesAreRagged(GgmlType type)
    {
        int block = GgmlTypes.Get(type).BlockElements;
        foreach ((int rows, int columns, int tokens) in new[]
                 { (1, 256, 1), (15, 512, 2), (16, 768, 5), (17, 256, 6), (33, 1280, 7), (64, 512, 8), (70, 256, 9), (130, 512, 13),
                     (3, 288, 1), (19, 96, 11), (21, 192, 10), (18, 384, 2), (5, 64, 6) })
        {
            if (columns % block != 0) continue;
            using var matrix = new RandomMatrix(type, rows, columns, tokens, rows + columns);
            foreach (KernelSet kernels in Models.VectorKernels) Check(kernels, matrix, 1e-5);
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Multiply_IsTheExactProduct_WhenScalar(GgmlType type)
    {
        using var matrix = new RandomMatrix(type, 5, 256, 3, 1);
        Check(new ScalarKernels(), matrix, 1e-6);
    }

    [Theory]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_K)]
    [InlineData(GgmlType.Q6_K)]
    public void Multiply_IsTheExactProduct_WhenRowsAreRepacked(GgmlType type)
    {
        foreach ((int rows, int columns, int tokens) in new[] { (16, 256, 1), (48, 768, 3), (80, 512, 7), (144, 256, 9) })
        {
            using var matrix = new RandomMatrix(type, rows, columns, tokens, rows);
            foreach (KernelSet kernels in Models.VectorKernels)
            {
                long bytes = kernels.RepackedBytes(matrix.Weights);
                if (bytes == 0) continue;
                using var repacked = new NativeBuffer(bytes);
                matrix.Weights.Repacked = repacked.As<byte>();
                for (int panel = 0; panel < rows / 16; panel++) kernels.Repack(matrix.Weights, panel, matrix.Scratch);

                Check(kernels, matrix, 1e-5);
                DecodesEveryRow(kernels, matrix.Weights);
                matrix.Weights.Repacked = null;
            }
        }
    }

    [Fact]
    public void RepackedBytes_AreNone_WhenRowsDontFillPanels()
    {
        using var ragged = new RandomMatrix(GgmlType.Q4_K, 17, 256, 1, 1);
        foreach (KernelSet kernels in Models.VectorKernels) Assert.Equal(0, kernels.RepackedBytes(ragged.Weights));
    }

    [Fact]
    public void Multiply_WritesOnlyItsRows_WhenGivenAPart()
    {
        foreach (KernelSet kernels in Models.VectorKernels)
        {
            foreach (int tokens in new[] { 1, 7 })
            {
                using var matrix = new RandomMatrix(GgmlType.Q4_K, 100, 256, tokens, 2);
                float[] output = new float[tokens * 100];
                Array.Fill(output, float.NaN);
                fixed (float* target = output)
                {
                    kernels.Multiply(matrix.Weights, 64, 36, matrix.Inputs, tokens, target, 100, matrix.Scratch);
                }

                for (int t = 0; t < tokens; t++)
                {
                    Assert.All(output[(t * 100)..((t * 100) + 64)], value => Assert.True(float.IsNaN(value)));
                    Assert.All(output[((t * 100) + 64)..((t * 100) + 100)], value => Assert.False(float.IsNaN(value)));
                }
            }
        }
    }

    // With scales of one and whole-number inputs every product is a small integer: sums must be exact, saturation or a lost lane would
    // show.
    [Theory]
    [InlineData(GgmlType.Q8_0, unchecked((byte)-128))]
    [InlineData(GgmlType.Q8_0, 127)]
    [InlineData(GgmlType.Q4_0, 0x00)]
    [InlineData(GgmlType.Q4_0, 0xFF)]
    public void Multiply_IsExact_WhenEveryElementIsExtreme(GgmlType type, byte quants)
    {
        const int columns = 512;
        foreach (int tokens in new[] { 1, 8 })
        {
            using var matrix = new RandomMatrix(type, 16, columns, tokens, 1);
            int blockBytes = GgmlTypes.Get(type).BlockBytes;
            var bytes = new Span<byte>(matrix.Weights.Data, (int)(matrix.Weights.RowBytes * 16));
            bytes.Fill(quants);
            for (int at = 0; at < bytes.Length; at += blockBytes) (bytes[at], bytes[at + 1]) = (0x00, 0x3C);
            for (int t = 0; t < tokens; t++)
            {
                for (int i = 0; i < columns; i++) matrix.Inputs.Values[((long)t * matrix.Inputs.Stride) + i] = t % 2 == 0 ? 127 : -127;
                ScalarKernels.QuantizeBlocks(matrix.Inputs, t, 0, columns);
            }

            foreach (KernelSet kernels in Models.VectorKernels) Check(kernels, matrix, 0);
        }
    }

    // Blocks of one repeated byte hold every sub-block's largest or smallest numbers, signs and scales at once. The scale is ordinary, the
    // smallest subnormal one, or the largest of all.
    [Theory]
    [MemberData(nameof(Types))]
    public void Multiply_IsTheExactProductUpToRounding_WhenBlocksAreExtreme(GgmlType type)
    {
        if (type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16) return;
        const int columns = 512;
        foreach (byte fill in new byte[] { 0x00, 0xFF, 0x55, 0xAA, 0x80, 0x7F })
        {
            foreach (ushort scale in new ushort[] { 0x3C00, 0x0001, 0x83FF, 0x7BFF, 0x0000 })
            {
                foreach (int tokens in new[] { 1, 8 })
                {
                    using var matrix = new RandomMatrix(type, 17, columns, tokens, 1);
                    matrix.FillBlocks(fill, scale);
                    for (int t = 0; t < tokens; t++)
                    {
                        for (int i = 0; i < columns; i++)
                            matrix.Inputs.Values[((long)t * matrix.Inputs.Stride) + i] = ((t + (i / 64)) % 2 == 0) ? 127 : -127;
                        ScalarKernels.QuantizeBlocks(matrix.Inputs, t, 0, columns);
                    }

                    foreach (KernelSet kernels in Models.VectorKernels) Check(kernels, matrix, 1e-6);
                }
            }
        }
    }

    /// <summary>A repacked matrix' rows are the file's to the last bit: embeddings are read from it.</summary>
    private static void DecodesEveryRow(KernelSet kernels, WeightMatrix weights)
    {
        float[] expected = new float[weights.Columns], whole = new float[weights.Columns], part = new float[256];
        for (int row = 0; row < weights.Rows; row++)
        {
            GgmlTypes.Codec(weights.Type).DequantizeScalar(new ReadOnlySpan<byte>(weights.Row(row), (int)weights.RowBytes), expected);
            fixed (float* target = whole, end = part)
            {
                kernels.Decode(weights, row, 0, weights.Columns, target);
                kernels.Decode(weights, row, weights.Columns - 256, 256, end);
            }

            Assert.Equal(expected, whole);
            Assert.Equal(expected[^256..], part);
        }
    }

    private static void Check(KernelSet kernels, RandomMatrix matrix, double tolerance)
    {
        int rows = matrix.Weights.Rows;
        float[] output = new float[matrix.Tokens * rows];
        fixed (float* target = output)
        {
            kernels.Multiply(matrix.Weights, 0, rows, matrix.Inputs, matrix.Tokens, target, rows, matrix.Scratch);
        }

        bool quantized = kernels.UsesQuantizedInputs(matrix.Weights.Type);
        for (int t = 0; t < matrix.Tokens; t++)
        {
            for (int row = 0; row < rows; row++)
            {
                (double value, double magnitude) = matrix.Exact(row, t, quantized);
                double error = Math.Abs(output[(t * rows) + row] - value);
                Assert.True(error <= tolerance * magnitude,
                    $"{kernels.Name} {matrix.Weights.Type} row {row} of {rows}, token {t} of {matrix.Tokens}: {output[(t * rows) + row]} "
                        + $"instead of {value}");
            }
        }
    }
}
