using System.Globalization;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Evaluators;
using Xunit.Abstractions;

namespace QuantBench.Engines.Remote.Tests.Load;

public sealed class ServeTests(ITestOutputHelper output)
{
    [Fact]
    public void Evaluate_MeasuresAClosedLoop()
    {
        using var stub = new StubProcess("first=10", "gap=1");

        EvaluationResult result = ServedCell.Measure(stub.Device, null, ("concurrency", 4), ("duration", 1.0), ("warmup", 0.3),
            ("output_tokens", "16"), ("slo", "ttft_p99 2s"));

        foreach (Measurement m in result.Metrics)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{m.Name} {m.Value} [{m.Ci95?[0]} {m.Ci95?[1]}] {m.P99}"));
        foreach (string note in result.Notes) output.WriteLine(note);
        Assert.InRange(result.Metrics.First(m => m.Name == "serve_ttft").Value, 10, 20);
    }
}
