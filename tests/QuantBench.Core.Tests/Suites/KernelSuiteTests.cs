using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;

namespace QuantBench.Core.Tests.Suites;

/// <summary>Suites with the workload that runs no model.</summary>
public sealed class KernelSuiteTests
{
    private const string Kernels = """
        suite: k
        variants: [ggml:Q4_0, ggml:IQ2_XXS]
        backends: [managed/scalar, managed/avx2]
        workloads:
          - kernel: { op: [matvec, matmat], shape: 256x512, tokens: 8 }
        """;

    [Fact]
    public void Parse_NeedsNoModel_WhenNoWorkloadRunsOne()
    {
        Suite suite = SuiteLoader.Parse(Kernels, "k.yaml", ".", TestEngines.Catalog);
        ImmutableArray<Cell> cells = Matrix.Expand(suite);

        Assert.Equal(8, cells.Length);
        Assert.All(cells, c => Assert.Equal(("kernels", "kernel"), (c.Model, c.Workload)));
        // compared, hence next to each other
        Assert.Equal(["managed/scalar", "managed/avx2"], cells.Take(2).Select(c => c.Backend.ToString()));
        Assert.Equal(cells.Length, cells.Select(c => c.Id).Distinct().Count());
    }

    [Fact]
    public void Parse_RecordsWhatAKernelDependsOn_AndNothingOfModels()
    {
        Cell[] cells = [.. Matrix.Expand(SuiteLoader.Parse(Kernels, "k.yaml", ".", TestEngines.Catalog))];

        Assert.Equal("""{"cache":"cold","op":"matvec","repetitions":10,"shape":"256x512","threads":0}""", cells[0].Settings.ToString());
        Assert.Equal(8, cells.First(c => c.Settings.Text("op") == "matmat").Settings.Int("tokens"));
    }

    [Fact]
    public void Expand_MeasuresKernelsOnce_HoweverManyModels()
    {
        const string Mixed = """
            suite: mixed
            models: [{ id: a, source: a }, { id: b, source: b }]
            variants: [gguf:Q4_0, ggml:Q4_0]
            backends: [managed/avx2]
            workloads: [latency, kernel]
            exclude: [{ variant: "ggml:*", workload: latency }, { variant: "gguf:*", workload: kernel }]
            """;

        Cell[] cells = [.. Matrix.Expand(SuiteLoader.Parse(Mixed, "m.yaml", ".", TestEngines.Catalog))];

        Assert.Equal(["a gguf:Q4_0 managed/avx2 latency", "b gguf:Q4_0 managed/avx2 latency", "kernels ggml:Q4_0 managed/avx2 kernel"],
            cells.Select(c => c.Title));
    }

    [Theory]
    [InlineData("variants: [ggml:Q4_0, ggml:IQ2_XXS]", "variants: [gguf:Q4_K_M]",
        "k.yaml:2:12: kernel measures single block types, and gguf:Q4_K_M is a model's format")]
    [InlineData("shape: 256x512", "shape: 256", "'shape' can't be '256'")]
    [InlineData("op: [matvec, matmat]", "op: gemm", "'op' can't be 'gemm'")]
    [InlineData("tokens: 8", "tokens: 1", "'tokens' is 1, outside 2 to 4096")]
    [InlineData("tokens: 8", "kv_type: f16", "the setting 'kv_type' doesn't apply to kernel")]
    [InlineData("ggml:IQ2_XXS", "ggml:Q4_K_M", "'ggml:Q4_K_M' is no variant that is known")] // a mix, no block type
    public void Parse_NamesTheFault(string from, string to, string problem)
    {
        SuiteException e =
            Assert.Throws<SuiteException>(() =>
                SuiteLoader.Parse(Kernels.Replace(from, to, StringComparison.Ordinal), "k.yaml", ".", TestEngines.Catalog));

        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
        Assert.False(string.IsNullOrEmpty(e.Hint));
    }

    [Fact]
    public void Parse_RefusesBlockTypes_WhereAModelIsRun()
    {
        const string Text = """
            suite: s
            models: [{ id: a, source: a }]
            variants: [ggml:Q4_0]
            backends: [managed/avx2]
            workloads: [latency]
            """;

        SuiteException e = Assert.Throws<SuiteException>(() => SuiteLoader.Parse(Text, "s.yaml", ".", TestEngines.Catalog));

        Assert.Contains("ggml:Q4_0 is a block type, not a model's format", e.Message, StringComparison.Ordinal);
    }
}
