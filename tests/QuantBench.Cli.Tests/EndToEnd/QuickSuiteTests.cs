using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>The whole way through, with the real command, model, text and native library.</summary>
public sealed class QuickSuiteTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [NpmFact(NpmPackage.Texts)]
    public async Task Run_MeasuresRecordsAndReports_AndResumeHasNothingLeft()
    {
        string[] places = ["--results", _folder.Combine("results"), "--cache", _folder.Combine("cache")];

        (int code, string output, string error) = await QuantBenchProcess.RunAsync(
            ["run", "quick", "--only", "variant=F32,workload=perplexity", "--only", "variant=Q4_K_M,workload=divergence", "--only",
                "variant=Q4_K_M,workload=perplexity", "--json", .. places]);

        Assert.True(code == 0, error + output);
        JsonElement[] events = [
            .. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
        string folder = events[^1].GetProperty("folder").GetString() ?? "";
        Assert.Equal(3, events[^1].GetProperty("ok").GetInt32());
        CheckOnePass(folder);
        Assert.All(["run.json", "cells.jsonl", "report.html", "report.md"], f => Assert.True(File.Exists(Path.Combine(folder, f)), f));
        // 8 chunks of the test text.
        double perplexity = Figure(events, "perplexity");
        Assert.InRange(perplexity, 37.9, 38.2);
        Assert.InRange(Figure(events, "kl_mean"), 0.005, 0.02);

        (int again, string resumed, string problem) = await QuantBenchProcess.RunAsync(["resume", "latest", "--json", .. places]);
        Assert.True(again == 0, problem);
        Assert.DoesNotContain("cell_started", resumed, StringComparison.Ordinal);
        await CheckComplianceAsync(folder, places);
    }

    [NpmFact(NpmPackage.Texts)]
    public async Task Run_EndsWell_WithAReasonForEveryCellThatCannotRunHere()
    {
        (int code, string output, string error) = await QuantBenchProcess.RunAsync(
            ["run", "gpu", "--only", "variant=Q4_0,workload=perplexity", "--json", "--results", _folder.Combine("results"), "--cache",
                _folder.Combine("cache")]);

        Assert.True(code is 0 or 4, error + output); // 4: no device here, so nothing was measured
        JsonElement[] results =
        [
            .. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)
                .Where(e => e.GetProperty("event").GetString() == "cell_finished").Select(e => e.GetProperty("result")),
        ];
        Assert.Equal(4, results.Length);
        Assert.All(results,
            r => Assert.True(
                r.GetProperty("status").GetString() == "ok"
                    || r.GetProperty("reason").GetString()?.Contains("ilgpu", StringComparison.Ordinal) == true, r.ToString()));
    }

    // Perplexity and divergence of one variant come from one pass: their likelihoods are the same to the last bit.
    private static void CheckOnePass(string folder)
    {
        using RunFolder run = RunFolder.OpenReadOnly(folder);
        IReadOnlyList<CellResult> cells = run.ReadCells();
        CellResult[] pass = [.. cells.Where(c => c.Cell.Variant.Id == "gguf:Q4_K_M")];
        Assert.Equal(["perplexity", "divergence"], pass.Select(c => c.Cell.Workload));
        Assert.Equal(pass[0].Cell.Id.Value, pass[1].Provenance["measured_with"]);
        Assert.Equal(pass[0].Metric("perplexity")?.Value, pass[1].Metric("perplexity")?.Value);
        Measurement floor = Assert.IsType<Measurement>(pass[1].Metric("kl_floor"));
        Assert.InRange(floor.Value, 1e-7, 1e-3); // far below what four bits do
        Assert.Null(pass[1].Metric("kl_mean")!.Caveat);
        Assert.InRange(pass[1].Metric("kl_bound")!.Value, 0, pass[1].Metric("kl_mean")!.Value * 3e-3); // of eight chunks
        Assert.Equal(3, cells.Count(c => c.Provenance.GetValueOrDefault("measured_with") is null ? c.Seconds > 0 : c.Seconds == 0));
    }

    // The sums are computed again here; a PDF is made where there is a browser, and where there is none the command says so.
    private static async Task CheckComplianceAsync(string folder, string[] places)
    {
        (int code, _, string error) = await QuantBenchProcess.RunAsync(["report", "latest", "--compliance", .. places]);

        Assert.True(code == 0, error);
        string[] lines = await File.ReadAllLinesAsync(Path.Combine(folder, "manifest.sha256"));
        string[] files = [.. lines.Select(l => l[66..])];
        Assert.All(["run.json", "cells.jsonl", "report.html", "compliance.html", "compliance.md"], f => Assert.Contains(f, files));
        Assert.All(lines,
            l => Assert.Equal(l[..64], Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, l[66..]))))));

        (int printed, string output, string problem) = await QuantBenchProcess.RunAsync(["report", "latest", "--pdf", .. places]);
        if (printed == 0) Assert.Equal("%PDF", Encoding.ASCII.GetString(File.ReadAllBytes(output.TrimEnd().Split('\n')[^1])[..4]));
        else Assert.Contains("a PDF needs a browser, and none is on PATH", problem, StringComparison.Ordinal);
    }

    private static double Figure(JsonElement[] events, string metric) => events
        .Where(e => e.GetProperty("event").GetString() == "cell_finished")
        .SelectMany(e => e.GetProperty("result").GetProperty("metrics").EnumerateArray())
        .First(m => m.GetProperty("name").GetString() == metric).GetProperty("value").GetDouble();
}
