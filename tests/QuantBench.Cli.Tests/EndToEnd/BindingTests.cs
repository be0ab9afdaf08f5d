using QuantBench.Core.Cells;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>One file on both builds of llama.cpp, each in processes of its own: our binding on the pinned one, LLamaSharp on its
/// own.</summary>
public sealed class BindingTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Suite_MeasuresTheSamePerplexity_OnBothBindings()
    {
        string suite = _folder.Combine("bindings.yaml");
        await File.WriteAllTextAsync(suite, $$"""
            suite: bindings
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: [gguf:F32, gguf:Q4_K_M, gguf:BF16]
            backends: [llamacpp/cpu, llamasharp/cpu]
            workloads:
              - perplexity: { dataset: {{Text()}}, chunks: 2 }
              - latency: { prompt: 16, generate: 4, repetitions: 2, time_cap: 1, warmup_cap: 0.2 }
              - load: { repetitions: 2, time_cap: 1, warmup_cap: 0.2 }
            """);

        (int code, string output, string error) = await QuantBenchProcess.RunAsync(
            "run", suite, "--results", _folder.Combine("results"), "--cache", _folder.Combine("cache"), "--plain");

        Assert.True(code == 0, error + output);
        using RunFolder run =
            RunFolder.OpenReadOnly(
                Directory.GetDirectories(_folder.Combine("results")).Single(d => File.Exists(Path.Combine(d, "cells.jsonl"))));
        IReadOnlyList<CellResult> cells = run.ReadCells();
        Assert.All(cells, c => Assert.Equal(CellStatus.Ok, c.Status));
        Assert.Equal(18, cells.Count);
        foreach ((string variant, double tolerance) in new[] { ("gguf:F32", 1e-6), ("gguf:Q4_K_M", 1e-6), ("gguf:BF16", 1e-4) })
        {
            double[] figures = [
                .. cells.Where(c => c.Cell.Variant.Id == variant && c.Cell.Workload == "perplexity")
                    .Select(c => c.Metric("perplexity")!.Value)];
            Assert.Equal(figures[0], figures[1], tolerance * figures[0]);
        }
    }

    private string Text()
    {
        string path = _folder.Combine("text.txt");
        File.WriteAllText(path, ReferenceText.Start(10_000));
        return path;
    }
}
