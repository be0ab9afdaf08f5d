using QuantBench.Core.Cells;
using QuantBench.Parity;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>Our figures of the reference model against those of llama.cpp's own tools (tests/parity/expected.json says how they were
/// made).</summary>
public sealed class ExpectedFiguresTests : IDisposable
{
    // One of every family of block types, and the floats. All 26 take two minutes: QB_ALL_FIGURES=1.
    private static readonly string[] s_few = ["F32", "F16", "Q8_0", "Q4_K_M", "Q2_K", "Q4_0", "IQ4_XS", "IQ3_S", "TQ2_0"];

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    // The figures are v0.5.0's on the real text; without either they are no measure.
    [NpmFact(NpmPackage.LlamaCpp, NpmPackage.Texts)]
    public async Task Divergence_GivesTheFiguresOfLlamaCppsOwnTools()
    {
        ExpectedFigures expected = ExpectedFigures.Load(Path.Combine(AppContext.BaseDirectory, "expected.json"));
        string[] variants = Environment.GetEnvironmentVariable("QB_ALL_FIGURES") is { Length: > 0 } ? [.. expected.Variants] : s_few;
        Assert.Subset(expected.Variants.ToHashSet(), variants.ToHashSet());
        string suite = _folder.Combine("expected.yaml");
        await File.WriteAllTextAsync(suite, $$"""
            suite: expected
            models:
              - { id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }
            variants: [{{string.Join(", ", variants.Select(v => $"\"gguf:{v}\""))}}]
            backends: [llamacpp/cpu]
            # Several threads wait for each other by spinning, which takes for ever beside other tests.
            settings: { threads: 1 }
            workloads:
              - divergence: { dataset: sotu, n_ctx: 512, chunks: 64, reference: gguf:F32 }
            """);

        (int code, string output,
            string error) = await QuantBenchProcess.RunAsync("run", suite, "--results", _folder.Combine("results"), "--plain");

        Assert.True(code == 0, error + output);
        // a file has a directory
        string folder =
            Path.GetDirectoryName(Directory.GetFiles(_folder.Combine("results"), "cells.jsonl", SearchOption.AllDirectories).Single())!;
        using RunFolder run = RunFolder.OpenReadOnly(folder);
        IReadOnlyList<CellResult> cells = run.ReadCells();
        ExpectedRow[] rows = [.. expected.Compare(cells)];
        Assert.Equal(variants.Length, cells.Count);
        // Each variant has a perplexity and a size; all but F32 also have KL figures.
        Assert.True(rows.Length >= (variants.Length * 4) - 2, $"only {rows.Length} figures were compared");
        Assert.DoesNotContain(rows, r => !r.Holds);
    }
}
