using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Suites;
using QuantBench.Core.Workloads;

namespace QuantBench.Core.Tests.Suites;

public sealed class TaskSuiteTests
{
    private const string Good = """
        suite: tasks
        models: [ { id: m, source: model } ]
        variants: [ "gguf:F16", "gguf:Q4_0" ]
        backends: [ near/cpu ]
        workloads:
          - task: { set: mixed, reference: gguf:F16 }
        """;

    [Fact]
    public void Parse_RecordsWhatDecidesTheItems()
    {
        CellSettings settings = Parse(Good).Workloads[0].Settings;

        Assert.Equal(("mixed", 100L, 32L, "gguf:F16", "\n"),
            (settings.Text("set"), settings.Int("items"), settings.Int("answer_tokens"), settings.Text("reference"),
                settings.Text("stop")));
        Assert.True(settings.Has("items"));
        Assert.Equal("mixed", WorkloadTable.Of("task").Label(settings));
    }

    [Theory]
    [InlineData("\"\"", "")]
    [InlineData("\"\\nQuestion:\"", "\nQuestion:")]
    [InlineData("END", "END")]
    public void Parse_TakesAnyStop(string written, string stop) =>
        Assert.Equal(stop, Of($"set: copy, stop: {written}").Text("stop"));

    /// <summary>What makes no difference isn't in a cell's id.</summary>
    [Fact]
    public void Parse_DropsWhatMakesNoDifference()
    {
        CellSettings own = Of("set: copy, haystack: 50, seed: 2");
        CellSettings file = Of("set: dir/my.items.jsonl, seed: 2");

        Assert.False(own.Has("haystack"));
        Assert.True(own.Has("seed"));
        Assert.False(file.Has("seed"));
        Assert.Equal("my.items", WorkloadTable.Of("task").Label(file));
    }

    [Theory]
    [InlineData("set: mixed, items: 0")] // of a set without an end
    [InlineData("set: \"\"")]
    [InlineData("set: mixed, reference_backend: llamacpp")]
    [InlineData("set: mixed, match: nearly")]
    [InlineData("set: mixed, stop: \"\\a\"")]
    [InlineData("set: mixed, stop: 12345678901234567890123456789012345678901234567890123456789012345")]
    [InlineData("set: mixed, chunks: 4")]
    public void Parse_Refuses(string settings) =>
        Assert.True(Assert.Throws<SuiteException>(() => Of(settings)).Line > 0);

    private static CellSettings Of(string settings) =>
        Parse(Good.Replace("set: mixed", settings, StringComparison.Ordinal)).Workloads[0].Settings;

    private static Suite Parse(string text) =>
        SuiteLoader.Parse(text, "/data/suites/tasks.yaml", "/data/suites", EngineCatalog.None);
}
