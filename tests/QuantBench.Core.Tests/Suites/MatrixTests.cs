using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Tests.Suites;

public sealed class MatrixTests
{
    [Fact]
    public void Expand_OrdersQualityByVariantAndTimingByWorkload()
    {
        ImmutableArray<Cell> cells =
            Matrix.Expand(SuiteLoaderTests.Small("[gguf:F32, gguf:Q4_K_M, \"gguf:IQ2_XS+imatrix\"]", "[Q4_K_M, F32]"));

        Assert.Equal(
            [
                "F32 perplexity", "Q4_K_M perplexity", "Q4_K_M divergence", // the reference first, though listed last
                "Q4_K_M latency", "F32 latency", "Q4_K_M latency", "F32 latency", "Q4_K_M load", "F32 load",
            ],
            cells.Select(c => $"{c.Variant.ShortName} {c.Workload}"));
        Assert.Equal([128L, 128L, 512L, 512L], cells.Where(c => c.Workload == "latency").Select(c => c.Settings.Int("prompt")));
    }

    [Fact]
    public void Expand_GivesNoIdTwice_AndTheSameIdsAgain()
    {
        ImmutableArray<Cell> cells = Matrix.Expand(SuiteLoaderTests.Small());

        Assert.Equal(cells.Length, cells.Select(c => c.Id).Distinct().Count());
        Assert.Equal(cells.Select(c => c.Id), Matrix.Expand(SuiteLoaderTests.Small()).Select(c => c.Id));
    }

    [Fact]
    public void Expand_KeepsOnlyIncluded_WhenRulesAreGiven()
    {
        ImmutableArray<Cell> cells =
            Matrix.Expand(SuiteLoaderTests.Small("exclude: [", "include: [ { variant: \"gguf:q*\", workload: perplexity } ]\nexclude: ["));

        Assert.Equal("m gguf:Q4_K_M llamacpp/cpu perplexity", Assert.Single(cells).Title);
    }

    private const string TwoModels = "models:\n  - { id: real, source: m }\n  - { id: shape, source: 'synthetic:tiny' }\n";

    [Fact]
    public void Expand_GivesModelsWorkloadsOfTheirOwn()
    {
        string text = "suite: s\n" + TwoModels + """
            variants: [gguf:Q4_K_M]
            backends: [llamacpp/cpu]
            workloads:
              - perplexity: { model: real }
              - latency: { model: REA*, prompt: 512, generate: 128 }
              - latency: { model: shape, prompt: 128, generate: 16 }
              - load
            """;

        ImmutableArray<Cell> cells = Matrix.Expand(SuiteLoader.Parse(text, "/data/s.yaml", "/data", TestEngines.Catalog));

        Assert.Equal(["real perplexity", "real latency 512", "real load", "shape latency 128", "shape load"],
            cells.Select(c => $"{c.Model} {c.Workload}{(c.Workload == "latency" ? $" {c.Settings.Int("prompt")}" : "")}"));
        Assert.Equal(cells.Length, cells.Select(c => c.Id).Distinct().Count());
    }

    [Theory]
    [InlineData("latency: { model: shap, prompt: 1 }", "no model of the suite fits 'shap'", "shape")]
    [InlineData("kernel: { model: shape }", "kernel runs no model", "remove 'model'")]
    [InlineData("load: { model: '*' }\n  - load: { model: real }", "listed twice", "remove one")]
    public void Models_OfWorkloads_AreChecked(string workload, string problem, string hint)
    {
        SuiteException e = Assert.Throws<SuiteException>(() => SuiteLoader.Parse(
            "suite: s\n" + TwoModels + $"variants: [gguf:Q4_K_M]\nbackends: [llamacpp/cpu]\nworkloads:\n  - {workload}\n",
            "/data/s.yaml", "/data", TestEngines.Catalog));

        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
        Assert.Contains(hint, e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void References_ListsEachOnce_WhenSeveralCellsShareIt()
    {
        Suite suite = SuiteLoaderTests.Small("reference: f32", "reference: F16, n_ctx: [256, 512]");

        ImmutableArray<ReferenceNeed> needs = Needs(suite);

        Assert.Equal([256, 512], needs.Select(n => n.ContextLength));
        Assert.All(needs,
            n => Assert.Equal(("m", "gguf:F16", "llamacpp/cpu", "sotu", 64),
                (n.Model, n.Reference.Id, n.Backend.ToString(), n.Dataset, n.Chunks)));
        Assert.All(Matrix.Expand(suite).Where(c => c.Workload == "divergence"), c => Assert.Contains(ReferenceNeed.Of(c), needs));
        Assert.Null(ReferenceNeed.Of(Matrix.Expand(suite)[0]));
    }

    [Fact]
    public void References_AreRunWhereTheSuiteSays()
    {
        Suite suite = SuiteLoaderTests.Small("reference: f32", "reference: safetensors:F32, reference_backend: managed/scalar");

        ReferenceNeed need = Assert.Single(Needs(suite));

        Assert.Equal(("safetensors:F32", "managed/scalar", false),
            (need.Reference.Id, need.Backend.ToString(), need.Settings.Has("reference_backend")));
        Assert.All(Matrix.Expand(suite), c => Assert.Equal("llamacpp/cpu", c.Backend.ToString()));
    }

    // A cache rounded in reference and variant alike would cancel: all cache types are held against one that isn't.
    [Fact]
    public void References_KeepAnUnroundedCache()
    {
        Suite suite = SuiteLoaderTests.Small("reference: f32", "reference: F16, kv_type: [f32, f16, q8_0, q4_0]");

        ImmutableArray<ReferenceNeed> needs = Needs(suite);

        Assert.Equal(["f32", "f16"], needs.Select(n => n.Settings.Text("kv_type")));
        Assert.All(Matrix.Expand(suite).Where(c => c.Workload == "divergence"),
            c => Assert.Equal(c.Settings.Text("kv_type") == "f32" ? "f32" : "f16", ReferenceNeed.RunSettingsOf(c).Text("kv_type")));
    }

    [Theory]
    [InlineData("gguf:Q*", true)]
    [InlineData("*K_M", true)]
    [InlineData("q?_k_m", true)] // without a colon: the scheme alone
    [InlineData("Q4_K", false)]
    [InlineData("gguf:*0", false)]
    [InlineData("*a*a*a*a*a*a*a*a*b", false)]
    public void Matches_HoldsPatternAgainstVariant(string pattern, bool expected) =>
        Assert.Equal(expected,
            new CellRule(null, pattern, null, null).Matches("m", Variant.Parse("Q4_K_M"), new BackendId("llamacpp", "cpu"), "load"));

    private static ImmutableArray<ReferenceNeed> Needs(Suite suite) =>
        [.. Matrix.Expand(suite).Select(ReferenceNeed.Of).OfType<ReferenceNeed>().DistinctBy(n => n.Key)];
}
