using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>A run is judged by its suite's own gates at its end, and can be published.</summary>
public sealed class OwnGatesTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_JudgesItsGates_AndPublishes()
    {
        (int kept, string output, string error) = await RunAsync("max: 1000");
        (int broken, string table, _) = await RunAsync("max: 1");
        (int machine, string json, _) = await RunAsync("max: 1", "--json");

        Assert.True(kept == 0, $"{kept} {error}{output}");
        Assert.Contains("keeps all 1 gates", output, StringComparison.Ordinal);
        Assert.Contains("against a baseline not judged", output, StringComparison.Ordinal);
        Assert.True(broken == 3, $"{broken} {table}");
        Assert.Contains("breaks 1 of 1 gates", table, StringComparison.Ordinal);
        Assert.Equal(3, machine);
        Assert.Contains("\"event\":\"gates\"", json, StringComparison.Ordinal);
        (int published, string said, string problem) = await QuantBenchProcess.RunAsync(
            "results", "publish", _folder.Combine("site"), "--results", _folder.Combine("results"));
        Assert.True(published == 0, problem + said);
        Assert.StartsWith("3 runs in ", said, StringComparison.Ordinal);
        Assert.Equal(3, Directory.GetFiles(Path.Combine(_folder.Combine("site"), "runs"), "*.html").Length);
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(string limit, string view = "--plain")
    {
        string suite = _folder.Combine("gated.yaml");
        await File.WriteAllTextAsync(_folder.Combine("text.txt"), ReferenceText.Start(4_000));
        await File.WriteAllTextAsync(suite, $$"""
            suite: gated
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: [gguf:F32]
            backends: [managed/scalar]
            workloads: [{ perplexity: { dataset: {{_folder.Combine("text.txt")}}, n_ctx: 64, chunks: 2 } }]
            gates:
              - { metric: perplexity, {{limit}} }
              - { metric: perplexity, max: +5%, vs: baseline }
            """);
        return await QuantBenchProcess.RunAsync(
            "run", suite, "--results", _folder.Combine("results"), "--cache", _folder.Combine("cache"), view);
    }
}
