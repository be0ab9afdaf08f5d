using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Runner.Runs;

namespace QuantBench.Runner.Tests.Runs;

public sealed class CellFilterTests
{
    [Theory]
    [InlineData("Q4_*", true)]
    [InlineData("gguf:q4_k_m", true)]
    [InlineData("latency", true)]
    [InlineData("llamacpp/*", true)]
    [InlineData("Q8_0", false)]
    [InlineData("variant=Q4_*,workload=latency", true)]
    [InlineData("variant=Q4_*,workload=perplexity", false)]
    [InlineData("workload=Q4_K_M", false)] // a key narrows to its own part
    public void Keeps_MatchesPatterns(string pattern, bool kept) => Assert.Equal(kept, new CellFilter([pattern]).Keeps(Cell()));

    [Fact]
    public void Keeps_NeedsOneOfSeveralPatterns() => Assert.True(new CellFilter(["Q8_0", "latency"]).Keeps(Cell()));

    [Fact]
    public void Keeps_Everything_WithoutPatterns() => Assert.True(new CellFilter([]).Keeps(Cell()));

    [Fact]
    public void Ctor_Throws_WhenAKeyIsUnknown()
    {
        var e = Assert.Throws<RequestException>(() => new CellFilter(["engine=x"]));

        Assert.Contains("backend", e.Hint, StringComparison.Ordinal);
    }

    private static Cell Cell() => new("m", Variant.Parse("Q4_K_M"), new BackendId("llamacpp", "cpu"), "latency", CellSettings.Empty);
}
