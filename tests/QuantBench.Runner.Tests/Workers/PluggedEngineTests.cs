using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Suites;
using QuantBench.Core.Variants;
using QuantBench.Inference.Engines;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Tests.Workers;

/// <summary>An engine is its own files and one line in a registry: with that it is probed, its suites are checked, its cells measured, and
/// its refusals and faults recorded as what they are.</summary>
public sealed class PluggedEngineTests
{
    private static readonly EngineRegistry s_engines = new([FaultyEngine.Registration]);

    [Fact]
    public void Probe_FindsIt()
    {
        WorkerResult result = Assert.IsType<WorkerEvent.Result>(
            Run(new WorkerJob { Kind = WorkerJobKind.Probe, Root = "/", Engine = "faulty" })).Value;

        Assert.Equal("faulty 1", result.EngineBuild);
        Assert.Equal([null, "faulty/two: it is broken"], result.Devices.Select(d => d.Refused));
    }

    [Theory]
    [InlineData("gguf:F16", "faulty_at: load", null)]
    [InlineData("gguf:F16", "faulty_at: [load, model]", null)]
    [InlineData("gguf:F16", "faulty_at: never", "'faulty_at'")]
    [InlineData("gguf:F16", "kv_type: iq4_nl", "faulty keeps no iq4_nl")]
    [InlineData("onnx:fp32", "threads: 1", "faulty reads gguf only")]
    public void Suite_IsCheckedByWhatItStates(string variant, string settings, string? problem)
    {
        string text = $$"""
            suite: plugged
            models: [{ id: m, source: m }]
            variants: ["{{variant}}"]
            backends: [faulty/one]
            workloads: [{ load: { {{settings}} } }]
            """;

        Exception? error = Record.Exception(() => SuiteLoader.Parse(text, "s.yaml", ".", s_engines.Catalog));

        if (problem is null) Assert.Null(error);
        else Assert.Contains(problem, Assert.IsType<SuiteException>(error).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("load", "/m.gguf", "nothing", null, null)]
    [InlineData("load", "/m.gguf", "ability", "faulty: it has no sessions of this kind. Ask for another.", null)]
    [InlineData("load", "/odd.gguf", "nothing", "faulty: odd models aren't run", null)]
    [InlineData("onnx-latency", "/m.gguf", "nothing",
        "faulty: it runs language models only; onnx-latency needs an engine for any ONNX model", null)]
    [InlineData("load", "/m.gguf", "load", null, "faulty: no memory.")]
    [InlineData("load", "/m.gguf", "model", null, "/m.gguf: at byte 12: cut.")]
    [InlineData("load", "/m.gguf", "session", null, "faulty: no session.")]
    public void Cell_IsMeasured_Unsupported_OrFailed(string workload, string path, string fault, string? unsupported, string? failed)
    {
        CellSettings settings = CellSettings.Empty.With("faulty_at", fault).With("repetitions", 1).With("time_cap", 0.1);
        var cell = new Cell("m", Variant.Parse("gguf:F16"), new BackendId("faulty", "one"), workload, settings);
        var job = new WorkerJob
        {
            Kind = WorkerJobKind.Cell,
            Root = "/",
            Engine = "faulty",
            Cell = WorkerCell.Of(cell),
            Artifact = new WorkerArtifact(path, "gguf:F16", new string('a', 64), 10, 10, 1),
        };

        WorkerEvent? last = Run(job);

        if (failed is not null)
        {
            Assert.Equal(failed, Assert.IsType<WorkerEvent.Error>(last).Message);
            return;
        }

        WorkerResult result = Assert.IsType<WorkerEvent.Result>(last).Value;
        Assert.Equal(unsupported, result.Unsupported);
        if (unsupported is null) Assert.Contains(result.Metrics, m => m.Name == "load_time");
    }

    private static WorkerEvent? Run(WorkerJob job) => WorkerHostTests.Run(job, s_engines).Last;
}
