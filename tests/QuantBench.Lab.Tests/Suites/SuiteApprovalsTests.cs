using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.Suites;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Suites;

public sealed class SuiteApprovalsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly LabFixture _lab = new();
    private readonly string _suites;

    public SuiteApprovalsTests()
    {
        _suites = _directory.Combine("suites");
        Directory.CreateDirectory(Path.Combine(_suites, "models"));
        Directory.CreateDirectory(_directory.Combine("datasets/reference-model"));
        Directory.CreateDirectory(_directory.Combine("elsewhere"));
        Directory.CreateSymbolicLink(Path.Combine(_suites, "link"), _directory.Combine("elsewhere"));
    }

    public void Dispose()
    {
        _lab.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("source: ../datasets/reference-model", "sotu", false)]
    [InlineData("source: models/a.gguf", "sotu:test", false)]
    [InlineData("source: models/a.gguf", "texts/a.txt", false)]
    [InlineData("source: models/a.gguf, olive: auto-opt", "sotu", true)]
    [InlineData("source: /etc", "sotu", true)]
    [InlineData("source: ../elsewhere/a.gguf", "sotu", true)]
    [InlineData("source: ../suites-of-another/a.gguf", "sotu", true)]
    [InlineData("source: link/a.gguf", "sotu", true)]
    [InlineData("source: models/a.gguf", "/etc/passwd", true)]
    [InlineData("source: models/a.gguf", "../elsewhere/a.txt", true)]
    public void Check_AsksForApproval_OfCommandsAndFilesElsewhere(string model, string dataset, bool needed)
    {
        Suite suite = Load(model, dataset);
        SuiteApprovals approvals = Approvals();

        if (needed)
            Assert.Contains("approval", Assert.Throws<RequestException>(() => approvals.Check(suite)).Message, StringComparison.Ordinal);
        else approvals.Check(suite);

        approvals.Approve(suite, "ada");
        approvals.Check(suite);
        Assert.Equal(needed, _lab.Audit.Read("suite.approve").Length == 1);
    }

    [Theory]
    [InlineData("far/openai@http://10.0.0.1:8080", "closed", "", "sends requests to the server http://10.0.0.1:8080")]
    [InlineData("near/cpu", "trace", ", trace: /etc/passwd", "reads the trace /etc/passwd")]
    public void Check_AsksForApproval_OfServersAndTraces(string backend, string arrivals, string trace, string expected)
    {
        string path = Path.Combine(_suites, "served.yaml");
        File.WriteAllText(path, $$"""
            suite: served
            models: [ { id: m, source: served } ]
            variants: ["served:m"]
            backends: ["{{backend}}"]
            workloads: [ { serve: { arrivals: {{arrivals}}{{trace}} } } ]
            """);
        Suite suite = SuiteLoader.Load(path, EngineCatalog.None);

        Assert.Contains(expected, Assert.Throws<RequestException>(() => Approvals().Check(suite)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("reference_file: /etc/model.onnx", "reads the model /etc/model.onnx")]
    [InlineData("inputs: /etc", "reads the inputs /etc")]
    [InlineData("inputs: random", null)]
    public void Check_AsksForApproval_OfFilesThatSettingsName(string setting, string? expected)
    {
        string path = Path.Combine(_suites, "tensors.yaml");
        File.WriteAllText(path, $$"""
            suite: tensors
            models: [ { id: m, source: models/m.onnx } ]
            variants: ["onnx:given-fp32"]
            backends: [near/cpu]
            workloads: [ { onnx-latency: { {{setting}} } } ]
            """);
        Suite suite = SuiteLoader.Load(path, EngineCatalog.None);

        if (expected is null) Approvals().Check(suite);
        else
            Assert.Contains(expected, Assert.Throws<RequestException>(() => Approvals().Check(suite)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pull: true", "has its servers pull models")]
    [InlineData("pull: true, after: delete", "has its servers delete what they pulled")]
    [InlineData("after: unload", null)]
    public void Check_AsksForApproval_OfModelsThatServersPullAndDelete(string model, string? expected)
    {
        string path = Path.Combine(_suites, "pulled.yaml");
        File.WriteAllText(path, $$"""
            suite: pulled
            models: [ { id: m, source: served, {{model}} } ]
            variants: ["served:m"]
            servers: [ { id: own, command: "ollama serve {port}" } ]
            backends: ["far/ollama@own"]
            workloads: [ serve ]
            """);
        Suite suite = SuiteLoader.Load(path, EngineCatalog.None);

        string asked = Assert.Throws<RequestException>(() => Approvals().Check(suite)).Message; // it starts a command, too

        if (expected is null) Assert.DoesNotContain("model 'm'", asked, StringComparison.Ordinal);
        else Assert.Contains(expected, asked, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("set: mixed", null)]
    [InlineData("set: sets/own.jsonl", null)]
    [InlineData("set: /etc/passwd", "reads the items /etc/passwd")]
    [InlineData("set: link/items.jsonl", "reads the items link/items.jsonl")]
    public void Check_AsksForApproval_OfItemsElsewhere(string set, string? expected)
    {
        string path = Path.Combine(_suites, "items.yaml");
        File.WriteAllText(path, $$"""
            suite: items
            models: [ { id: m, source: models/a.gguf } ]
            variants: [gguf:F16]
            backends: [near/cpu]
            workloads: [ { task: { {{set}} } } ]
            """);
        Suite suite = SuiteLoader.Load(path, EngineCatalog.None);

        if (expected is null) Approvals().Check(suite);
        else
            Assert.Contains(expected, Assert.Throws<RequestException>(() => Approvals().Check(suite)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_AsksForApproval_OfServersThatItStarts()
    {
        string path = Path.Combine(_suites, "started.yaml");
        File.WriteAllText(path, """
            suite: started
            models: [ { id: m, source: served } ]
            variants: ["served:m"]
            servers: [ { id: own, command: "rm -rf {port}" } ]
            backends: ["far/openai@own"]
            workloads: [ serve ]
            """);
        Suite suite = SuiteLoader.Load(path, EngineCatalog.None);

        string asked = Assert.Throws<RequestException>(() => Approvals().Check(suite)).Message;

        Assert.Contains("server 'own' starts the command 'rm -rf {port}'", asked, StringComparison.Ordinal);
        Assert.DoesNotContain("requests", asked, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_AsksAgain_WhenTheTextOrTheFileIsAnother()
    {
        SuiteApprovals approvals = Approvals();
        approvals.Approve(Load("source: /etc, olive: auto-opt", "sotu"), "ada");

        Assert.Throws<RequestException>(() => approvals.Check(Load("source: /etc, olive: auto-opt --run", "sotu")));
        Assert.Throws<RequestException>(() => approvals.Check(Load("source: /etc, olive: auto-opt", "sotu", "other.yaml")));
    }

    [Fact]
    public void ApproveEarlier_TakesWhatWasScheduledBeforeThereWereApprovals_Once()
    {
        SuiteApprovals approvals = Approvals();
        Suite suite = Load("source: /etc", "sotu");
        Schedule nightly = _lab.Schedules.Add("nightly", suite.File, new SuiteSchedule(LabFixture.Cron("0 1 * * *"), CatchUp.Last), "ada");

        approvals.ApproveEarlier([nightly], EngineCatalog.None); // this database was never older
        Assert.Throws<RequestException>(() => approvals.Check(suite));
        _lab.Database.Execute("INSERT INTO settings (name, value) VALUES ('approve_schedules', '1')");
        approvals.ApproveEarlier([nightly], EngineCatalog.None);

        approvals.Check(suite);
    }

    private SuiteApprovals Approvals() => new(_lab.Database, _lab.Audit, _lab.Clock, _directory.Combine("datasets"));

    private Suite Load(string model, string dataset, string name = "own.yaml")
    {
        string file = Path.Combine(_suites, name);
        File.WriteAllText(file, $$"""
            suite: own
            models: [{ id: m, {{model}} }]
            variants: [gguf:F16]
            backends: [fake/cpu]
            workloads: [{ perplexity: { dataset: "{{dataset}}" } }]
            """);
        return SuiteLoader.Load(file, EngineCatalog.None);
    }
}
