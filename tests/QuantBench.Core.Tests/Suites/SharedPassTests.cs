using QuantBench.Core.Cells;
using QuantBench.Core.Settings;
using QuantBench.Core.Suites;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Tests.Suites;

public sealed class SharedPassTests
{
    [Fact]
    public void KeyOf_IsOne_ForCellsThatOnlyScoreOtherwise()
    {
        Suite suite = SuiteLoaderTests.Small("reference: f32", "reference: [F32, F16]");
        Cell[] pass = [.. Matrix.Expand(suite).Where(c => c.Variant.ShortName == "Q4_K_M" && c.Workload is "perplexity" or "divergence")];

        Assert.Equal(2, pass.Count(c => c.Workload == "divergence"));
        string? key = Assert.Single(pass.Where(c => c.Workload == "divergence").Select(SharedPass.KeyOf).Distinct());
        CellSettings plain = pass[^1].Settings.Without("reference");
        Assert.Equal(key, SharedPass.KeyOf(new Cell(pass[^1].Model, pass[^1].Variant, pass[^1].Backend, "perplexity", plain)));
        Assert.All(Matrix.Expand(suite).Where(c => c.Workload is "latency" or "load"), c => Assert.Null(SharedPass.KeyOf(c)));
    }

    [Theory]
    [InlineData("kv_type", "q8_0")]
    [InlineData("dataset", "other")]
    [InlineData("an_engines_own", "x")] // unknown here, and the forward pass may hang on it
    public void KeyOf_Differs_WhenThePassDoes(string key, string value) =>
        Assert.NotEqual(SharedPass.KeyOf(Cell("llamacpp/cpu", CellSettings.Empty)),
            SharedPass.KeyOf(Cell("llamacpp/cpu", CellSettings.Empty.With(key, value))));

    [Fact]
    public void KeyOf_IsNone_ForServers() =>
        Assert.Null(SharedPass.KeyOf(Cell("remote/llama-server@http://localhost:1", CellSettings.Empty)));

    private static Cell Cell(string backend, CellSettings settings)
    {
        Assert.True(BackendId.TryParse(backend, out BackendId id));
        return new Cell("m", Variant.Parse("gguf:F16"), id, "perplexity", settings);
    }
}
