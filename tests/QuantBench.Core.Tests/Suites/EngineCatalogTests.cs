using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Limits;
using QuantBench.Core.Settings;
using QuantBench.Core.Suites;
using QuantBench.Core.Workloads;

namespace QuantBench.Core.Tests.Suites;

public sealed class EngineCatalogTests
{
    private const string Text =
        """
        suite: small
        models: [{ id: m, source: m }]
        variants: [VARIANT]
        backends: [BACKEND]
        workloads: [{ load: { SETTINGS } }]
        """;

    [Theory]
    [InlineData("llamacpp/cpu", "gguf:F16", "ort_optimization: none", null)] // a suite has one set of settings for all its engines
    [InlineData("onnxruntime/cpu", "onnx:fp32", "ort_optimization: none", null)]
    [InlineData("onnxruntime/cpu", "onnx:fp32", "ort_optimization: some", "'ort_optimization'")]
    [InlineData("onnxruntime/cpu", "gguf:F16", "threads: 1", "onnxruntime reads onnx only")]
    [InlineData("strange/cpu", "gguf:F16", "threads: 1", "there is no engine 'strange'")]
    [InlineData("llamacpp/cpu", "gguf:F16", "kv_type: q8_0, flash_attention: off", "needs flash attention")]
    [InlineData("managed/avx2", "gguf:F16", "kv_type: q8_0, flash_attention: off", null)] // the rule is the other engine's
    public void Parse_ChecksWhatRegistrationsState(string backend, string variant, string settings, string? problem)
    {
        string text = Text.Replace("VARIANT", variant).Replace("BACKEND", backend).Replace("SETTINGS", settings);

        Exception? error = Record.Exception(() => SuiteLoader.Parse(text, "s.yaml", ".", TestEngines.Catalog));

        if (problem is null) Assert.Null(error);
        else Assert.Contains(problem, Assert.IsType<SuiteException>(error).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_KnowsNoEnginesSettings_WithoutTheEngine()
    {
        string text = Text.Replace("VARIANT", "onnx:fp32").Replace("BACKEND", "onnxruntime/cpu").Replace("SETTINGS", "ort_arena: false");

        SuiteException e = Assert.Throws<SuiteException>(() => SuiteLoader.Parse(text, "s.yaml", ".", EngineCatalog.None));

        Assert.Contains("unknown setting 'ort_arena'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Takes_EnginesSettings_WhereAModelIsRun()
    {
        Assert.All(WorkloadTable.All, w => Assert.Equal(w.RunsModel, TestEngines.Catalog.Takes(w, "ort_arena")));
        Assert.False(TestEngines.Catalog.Takes(WorkloadTable.Latency, "ort_nothing"));
        Assert.Equal("seed", TestEngines.Catalog.Settings[^1].Key);
    }

    [Fact]
    public void Example_IsTheFirstEngines()
    {
        Assert.Equal("llamacpp/cpu", TestEngines.Catalog.Example);
        Assert.Contains("llamacpp/cpu", TestEngines.Catalog.Setting("reference_backend")?.Description, StringComparison.Ordinal);
        Assert.DoesNotContain(EngineCatalog.BackendMark, SuiteSchema.Generate(TestEngines.Catalog), StringComparison.Ordinal);
    }

    [Fact]
    public void Selector_CountsAnEnginesSettingAtItsDefault_WhereTheCellDoesntRecordIt()
    {
        CellSettings none = CellSettings.Empty.With("ort_optimization", "none");
        MetricSelector usual = MetricSelector.Parse("load_time@ort_optimization=all", TestEngines.Catalog);

        Assert.True(usual.Fits("load", CellSettings.Empty));
        Assert.False(usual.Fits("load", none));
        Assert.True(MetricSelector.Parse("load_time@ort_optimization=none", TestEngines.Catalog).Fits("load", none));
        Assert.Throws<RequestException>(() => MetricSelector.Parse("load_time@ort_optimization=all"));
    }
}
