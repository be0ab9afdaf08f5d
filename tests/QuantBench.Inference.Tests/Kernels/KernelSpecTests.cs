using QuantBench.Core.Cells;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Kernels;

namespace QuantBench.Inference.Tests.Kernels;

public sealed class KernelSpecTests
{
    [Theory]
    // By hand: Q4_0 holds 32 weights in 18 bytes, so 64 rows of 128 are 256 blocks = 4,608 bytes.
    [InlineData("dequantize", 4608 + (8192 * 4), 0)]
    [InlineData("vecdot", 4608 + ((64 + 128) * 4), 2 * 8192)]
    [InlineData("matvec", 4608 + ((64 + 128) * 4), 2 * 8192)]
    [InlineData("matmat", 4608 + (7 * (64 + 128) * 4), 7 * 2 * 8192)]
    public void Of_CountsBytesAndOperations(string op, long bytes, long operations)
    {
        KernelSpec spec = KernelSpec.Of(Cell("ggml:Q4_0", op, "64x128"), out string? reason)!;

        Assert.Null(reason);
        Assert.Equal((GgmlType.Q4_0, 4608L, bytes, operations, true),
            (spec.Type, spec.WeightBytes, spec.Bytes, spec.Operations, spec.Cold));
    }

    [Theory]
    [InlineData("gguf:Q4_0", "matvec", "64x128", "gguf:Q4_0 is no block type")]
    [InlineData("ggml:Q4_K", "matvec", "64x128", "rows of 128 weights aren't a whole number of Q4_K's blocks of 256")]
    [InlineData("ggml:Q4_0", "gemm", "64x128", "there is no op 'gemm'")]
    [InlineData("ggml:Q4_0", "7", "64x128", "there is no op '7'")] // Enum.TryParse takes numbers
    [InlineData("ggml:Q4_0", "matvec", "64", "'64' is no shape")]
    public void Of_SaysWhyACellIsNoKernel(string variant, string op, string shape, string problem)
    {
        Assert.Null(KernelSpec.Of(Cell(variant, op, shape), out string? reason));
        Assert.Contains(problem, reason, StringComparison.Ordinal);
    }

    [Fact]
    public void BlockTypeSchemes_AreTheTypesThatModelsHold()
    {
        // Q8_1 and Q8_K are what activations become; no file holds them.
        IEnumerable<string> decoded =
            GgmlTypes.All.Where(t => t.HoldsWeights)
                .Select(t => t.Name);
        QuantScheme[] schemes = [.. QuantSchemes.All.Where(s => s.Format == QuantSchemes.BlockTypeFormat)];

        Assert.Equal(decoded.Order(StringComparer.Ordinal), schemes.Select(s => s.Name).Order(StringComparer.Ordinal));
        // The nominal bits are the ones the type's name says: never more than what it takes, and less than a bit and a half below.
        Assert.All(schemes, s => Assert.InRange(GgmlTypes.All.Single(t => t.Name == s.Name).BitsPerWeight - s.NominalBits, 0, 1.5));
    }

    private static Cell Cell(string variant, string op, string shape) => new(
        "kernels", Variant.Parse(variant), new BackendId("toy", "cpu"), "kernel",
        CellSettings.Empty.With("op", op).With("shape", shape).With("tokens", 7));
}
