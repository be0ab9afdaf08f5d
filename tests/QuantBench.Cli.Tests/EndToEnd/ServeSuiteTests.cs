using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Engines.Remote.Tests.Load;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>A server under load by the real command; the server is a stub in a process of its own.</summary>
public sealed class ServeSuiteTests
{
    // A busy machine's load generator says that it can't hold the load.
    private const int Tries = 4;

    [Fact]
    public async Task Suite_MeasuresAServer_AndGoesOnWhereNoneIs()
    {
        string reason = "";
        for (int i = 0; i < Tries; i++)
        {
            using var folder = new TemporaryDirectory();
            using var stub = new StubProcess("first=5", "gap=1");
            string suite = folder.Combine("served.yaml");
            await File.WriteAllTextAsync(suite, $$"""
                suite: served
                models: [ { id: stub, source: served } ]
                variants: ["served:stub:q4_0"]
                backends: ["remote/openai@http://127.0.0.1:1", "remote/{{stub.Device}}"]
                workloads:
                  - serve:
                      { arrivals: poisson, rate: 20, duration: 1.5, warmup: 0.2, prompt_tokens: "8", output_tokens: "4", slo: ttft_p90 1s }
                """);

            // No file is of a server's model, so none is missed.
            (int valid, _, string faults) = await QuantBenchProcess.RunAsync("suites", "validate", suite);
            Assert.True(valid == 0, faults);

            string[] places = ["--results", folder.Combine("results"), "--cache", folder.Combine("cache")];
            (int code, string output, string error) = await QuantBenchProcess.RunAsync(["run", suite, "--plain", .. places]);

            string path = Directory.GetDirectories(folder.Combine("results")).Single(d => File.Exists(Path.Combine(d, "cells.jsonl")));
            using RunFolder run = RunFolder.OpenReadOnly(path);
            IReadOnlyList<CellResult> cells = run.ReadCells();
            Assert.True(cells.Count == 2, error + output);
            CellResult none = cells.Single(c => c.Cell.Backend.Server!.Url.EndsWith(":1", StringComparison.Ordinal));
            Assert.Equal(CellStatus.Failed, none.Status);
            Assert.Contains("no connection", none.Reason, StringComparison.Ordinal);
            Assert.NotEqual(0, code);

            CellResult served = cells.Single(c => c != none);
            reason = served.Reason ?? "";
            if (served.Status != CellStatus.Ok) continue;
            Assert.Equal("stub/1", served.Provenance["engine_build"]);
            Measurement goodput = served.Metric("goodput")!; // the suite has an SLO
            Assert.Equal(3, goodput.Launches);
            Assert.NotNull(goodput.Ci95);
            Assert.InRange(served.Metric("serve_ttft")!.Value, 5, 1000); // of an answered load
            // The load generator's own part.
            Assert.All((string[])["send_lateness", "generator_cpu"], name => Assert.Equal(3, served.Metric(name)!.Launches));
            Assert.Contains("load_collected_ms", served.Conditions.Keys);
            Assert.Equal(3, Directory.GetFiles(path, "requests-*.jsonl.gz", SearchOption.AllDirectories).Length);
            Assert.Contains("Goodput", output, StringComparison.Ordinal);
            return;
        }

        Assert.Fail(reason);
    }
}
