using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Tests.Evaluators;

namespace QuantBench.Inference.Tests.Kernels;

public sealed class KernelEvaluatorTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void Evaluate_DividesWhatTheKernelMustDo_ByItsTime()
    {
        // 2 ms a run: 64 × 128 weights of Q4_0 are 4,608 bytes, inputs and outputs 768.
        var engine = new ToyKernelEngine(_clock, _ => TimeSpan.FromMilliseconds(2));

        EvaluationResult result = new KernelEvaluator().Evaluate(Context(engine, "matvec") with { MemoryBandwidth = 5_376_000 }, default);

        Assert.Equal(5376 / 0.002, Metric(result, "kernel_bandwidth")!.Value, 1e-3);
        Assert.Equal(16_384 / 0.002, Metric(result, "kernel_flops")!.Value, 1e-3);
        Assert.Equal(0.5, Metric(result, "kernel_bandwidth_share")!.Value, 1e-9);
        Assert.Equal(10, Metric(result, "kernel_bandwidth")!.Samples!.Length);
        Assert.Equal("4", result.Provenance["runs_per_sample"]); // doubled until a sample is at least 5 ms
        Assert.Equal(2, engine.Threads);
        Assert.True(engine.Disposed);
    }

    [Theory]
    [InlineData("matmat", true, false)] // bound by arithmetic: a share of memory's bandwidth says nothing
    [InlineData("dequantize", false, true)] // its number of operations depends on the type
    public void Evaluate_LeavesOutWhatMeansNothing(string op, bool flops, bool share)
    {
        var engine = new ToyKernelEngine(_clock, _ => TimeSpan.FromMilliseconds(2));

        EvaluationResult result = new KernelEvaluator().Evaluate(Context(engine, op) with { MemoryBandwidth = 1e9 }, default);

        Assert.Equal((flops, share), (Metric(result, "kernel_flops") is not null, Metric(result, "kernel_bandwidth_share") is not null));
    }

    [Fact]
    public void Evaluate_TakesTheDevicesClockAndMemory_WhereTheKernelHasThem()
    {
        // 2 ms a run by the host, 1 ms by the device, whose memory is four times as fast as the host's.
        var engine = new ToyKernelEngine(_clock, _ => TimeSpan.FromMilliseconds(2)) { DeviceFactor = 2 };

        EvaluationResult result = new KernelEvaluator().Evaluate(Context(engine, "matvec") with { MemoryBandwidth = 5_376_000 }, default);

        Assert.Equal(5376 / 0.001, Metric(result, "kernel_bandwidth")!.Value, 1e-3);
        Assert.Equal(0.25, Metric(result, "kernel_bandwidth_share")!.Value, 1e-9);
        Assert.Equal("21504000 B/s", result.Provenance["memory_bandwidth"]);
        Assert.Equal("device events", result.Provenance["clock"]);
    }

    [Fact]
    public void Evaluate_ClaimsNoShare_WhenTheBandwidthWasNotMeasured()
    {
        EvaluationResult result = new KernelEvaluator()
            .Evaluate(Context(new ToyKernelEngine(_clock, _ => TimeSpan.FromMilliseconds(2)), "matvec"), default);

        Assert.Null(Metric(result, "kernel_bandwidth_share"));
        Assert.Equal("not measured", result.Provenance["memory_bandwidth"]);
    }

    [Fact]
    public void Evaluate_WarmsUp_UntilTheKernelIsSteady()
    {
        // Ever faster over the first 45 runs, from 20 ms down to 2: longer than the shortest warm-up, so only its steadiness can end it.
        double last = 20 * Math.Pow(0.95, 45);
        var engine = new ToyKernelEngine(_clock, run => TimeSpan.FromMilliseconds(Math.Max(last, 20 * Math.Pow(0.95, run))));

        EvaluationResult result = new KernelEvaluator().Evaluate(Context(engine, "matvec"), default);

        // the clock counts in 100 ns
        Assert.All(Metric(result, "kernel_bandwidth")!.Samples!, s => Assert.InRange(s * last / 1000 / 5376, 0.999, 1.001));
    }

    [Fact]
    public void Evaluate_MarksACellThatNeverBecomesSteady()
    {
        var engine = new ToyKernelEngine(_clock, run => TimeSpan.FromMilliseconds(200 + (100 * (run % 2))));

        EvaluationResult result = new KernelEvaluator().Evaluate(Context(engine, "matvec"), default);

        Assert.Contains(result.Notes, n => n.StartsWith("warm-up cap reached", StringComparison.Ordinal));
        Assert.Contains(result.Notes, n => n.Contains("wider than target", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(float.NaN, "aren't numbers")]
    [InlineData(float.PositiveInfinity, "aren't numbers")]
    [InlineData(0f, "wrote no results")]
    public void Evaluate_Throws_WhenTheKernelComputesNothingOfUse(float value, string problem)
    {
        var engine = new ToyKernelEngine(_clock, _ => TimeSpan.FromMilliseconds(2)) { Result = value };

        EngineException e = Assert.Throws<EngineException>(() => new KernelEvaluator().Evaluate(Context(engine, "matvec"), default));

        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CanRun_SaysWhyNot()
    {
        using var toy = new ToyEngine();
        using var kernels = new ToyKernelEngine(_clock, _ => default);

        Assert.Contains("can't be timed one by one", Why(toy, "matvec"), StringComparison.Ordinal);
        Assert.Contains("no kernels for Q8_0", Why(kernels, "matvec", "ggml:Q8_0"), StringComparison.Ordinal);
        Assert.Contains("toy/cpu: there is no op 'gemm'", Why(kernels, "gemm"), StringComparison.Ordinal);
        Assert.Null(Why(kernels, "matvec"));

        string? Why(IEngine engine, string op, string variant = "ggml:Q4_0") =>
            new KernelEvaluator().CanRun(Context(engine, op) with { Cell = Cell(op, variant) }).Reason;
    }

    private static Measurement? Metric(EvaluationResult result, string name) => result.Metrics.FirstOrDefault(m => m.Name == name);

    private EvaluationContext Context(IEngine engine, string op) => new()
    {
        Cell = Cell(op),
        Engine = engine,
        Clock = _clock,
        Machine = new ToyMachine(),
        Progress = new ToyProgress(),
    };

    private static Cell Cell(string op, string variant = "ggml:Q4_0") => new(
        "kernels", Variant.Parse(variant), new BackendId("toy", "cpu"), "kernel",
        CellSettings.Empty.With("op", op).With("shape", "64x128").With("tokens", 4));
}
