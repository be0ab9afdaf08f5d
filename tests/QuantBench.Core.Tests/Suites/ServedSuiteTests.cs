using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Tests.Suites;

public sealed class ServedSuiteTests
{
    private const string Good = """
        suite: served
        models: [ { id: m, source: served } ]
        variants: ["served:llama3.2:1b-instruct-q4_K_M", "served:org/Model-7B-AWQ", "served:plain"]
        backends: ["far/openai@HTTP://Example.org:8080/"]
        workloads:
          - serve: { arrivals: poisson, rate: [1, 2], slo: ttft_p99 500ms, prompt_tokens: uniform 10 20 }
        """;

    private static readonly EngineCatalog s_engines = new(
    [
        new EngineFacts("near", "reads files", "cpu") { Formats = ["gguf"] },
        new EngineFacts("far", "servers", "openai@http://localhost:8080") { IsRemote = true },
    ]);

    [Fact]
    public void Parse_ReadsServersAndTheirNamesOfModels()
    {
        Suite suite = Parse(Good);

        Assert.True(suite.Models[0].IsServed);
        Assert.Equal("far/openai@http://example.org:8080", suite.Backends[0].ToString());
        Assert.Equal([4, 4, 16], suite.Variants.Select(v => v.Scheme.NominalBits));
        Assert.Equal("served:llama3.2:1b-instruct-q4_K_M", suite.Variants[0].Id);
        Assert.Equal(6, Matrix.Expand(suite).Length);
        Assert.False(suite.Workloads[0].Settings.Has("concurrency")); // an open loop has none
    }

    [Fact]
    public void Cells_ReadBackAsTheSame()
    {
        Cell cell = Matrix.Expand(Parse(Good))[0];

        Assert.True(BackendId.TryParse(cell.Backend.ToString(), out BackendId backend));
        Assert.Equal(cell.Id, new Cell(cell.Model, Variant.Parse(cell.Variant.Id), backend, cell.Workload, cell.Settings).Id);
    }

    [Fact]
    public void Parse_ReadsWhatBecomesOfServedModels()
    {
        SuiteModel plain = Parse(Good).Models[0];
        SuiteModel model = Parse(Good.Replace("source: served", "source: served, pull: true, after: delete", StringComparison.Ordinal))
            .Models[0];

        Assert.Equal((false, ServedAfter.Keep), (plain.Pull, plain.After));
        Assert.Equal((true, ServedAfter.Delete), (model.Pull, model.After));
    }

    /// <summary>One objective is one cell, however it is written.</summary>
    [Theory]
    [InlineData("slo: ttft_p99 500ms", "slo: { ttft_p99: 500ms }", "off")]
    [InlineData("slo: ttft_p99 500ms", "slo: \"ttft_p99 500ms\"", "off")]
    [InlineData("slo: ttft_p99 500ms", "search: { slo: { ttft_p99: 500ms } }", "capacity")]
    [InlineData("slo: ttft_p99 500ms", "search: { slo: \"ttft_p99 500ms\" }", "capacity")]
    [InlineData("slo: ttft_p99 500ms", "search: capacity, slo: { ttft_p99: 500ms }", "capacity")]
    public void Parse_TakesObjectivesAsMaps(string part, string other, string search)
    {
        // A search has no rate of its own.
        string text = search == "off" ? Good : Good.Replace("rate: [1, 2], ", "", StringComparison.Ordinal);
        Suite suite = Parse(text.Replace(part, other, StringComparison.Ordinal));

        Assert.Equal("ttft_p99 500ms", suite.Workloads[0].Settings.Text("slo"));
        Assert.Equal(search, suite.Workloads[0].Settings.Text("search"));
        if (search == "off") Assert.Equal(Matrix.Expand(Parse(Good)).Select(c => c.Id), Matrix.Expand(suite).Select(c => c.Id));
    }

    [Fact]
    public void Parse_TakesSeveralLimits_AndSeveralObjectives()
    {
        Suite suite = Parse(Good.Replace("slo: ttft_p99 500ms", "slo: [ { ttft_p99: 500ms, itl_p99: 50ms }, { e2e_p95: 2s } ]",
            StringComparison.Ordinal));

        Assert.Equal(["ttft_p99 500ms, itl_p99 50ms", "e2e_p95 2s"], suite.Workloads.Select(w => w.Settings.Text("slo")).Distinct());
    }

    [Theory]
    [InlineData("far/openai@HTTP://Example.org:8080/", "far/openai@http://user:secret@example.org")] // a secret in the record
    [InlineData("far/openai@HTTP://Example.org:8080/", "far/openai@http://example.org/?key=secret")]
    [InlineData("far/openai@HTTP://Example.org:8080/", "far/openai@ftp://example.org")]
    [InlineData("far/openai@HTTP://Example.org:8080/", "far/openai@")]
    [InlineData("far/openai@HTTP://Example.org:8080/", "near/cpu")] // no server
    [InlineData("source: served", "source: models/m")] // a file has no served variants
    [InlineData("\"served:plain\"", "gguf:Q4_0")] // a server's model has no others
    [InlineData("ttft_p99 500ms", "ttft 500ms")]
    [InlineData("uniform 10 20", "uniform 20 10")]
    [InlineData("arrivals: poisson, rate: [1, 2]", "arrivals: trace")] // which file?
    [InlineData("slo: ttft_p99 500ms", "search: capacity")] // of what?
    [InlineData("source: served", "source: served, after: burn")]
    [InlineData("source: served", "source: served, pull: perhaps")]
    [InlineData("source: served", "source: models/m, pull: true")] // nobody pulls files
    [InlineData("slo: ttft_p99 500ms", "slo: {}")]
    [InlineData("slo: ttft_p99 500ms", "slo: { ttft: 500ms }")]
    [InlineData("slo: ttft_p99 500ms", "slo: { ttft_p99: [500ms] }")]
    [InlineData("slo: ttft_p99 500ms", "search: {}")]
    [InlineData("slo: ttft_p99 500ms", "search: { rate: 5 }")]
    [InlineData("slo: ttft_p99 500ms", "slo: ttft_p99 500ms, search: { slo: { ttft_p99: 500ms } }")] // which of the two?
    [InlineData("slo: ttft_p99 500ms", "search: { slo: { ttft_p99: 500ms } }, slo: ttft_p99 500ms")]
    [InlineData("arrivals: poisson, rate: [1, 2]", "arrivals: closed, search: capacity")] // a closed loop has no rate
    public void Parse_Refuses(string part, string other)
    {
        SuiteException e = Assert.Throws<SuiteException>(() => Parse(Good.Replace(part, other, StringComparison.Ordinal)));

        Assert.DoesNotContain("secret", e.Explanation, StringComparison.Ordinal);
        Assert.True(e.Line > 0);
    }

    private static Suite Parse(string text) =>
        SuiteLoader.Parse(text, "/data/suites/served.yaml", "/data/suites", s_engines);
}
