using QuantBench.Cli.Composition;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>Gates that a run breaks, measured again: alone, and in turns with another build (here the same).</summary>
public sealed class ConfirmationTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Gate_MeasuresWhatABrokenGateRestsOn_Again()
    {
        string suite = _folder.Combine("small.yaml");
        await File.WriteAllTextAsync(suite, $$"""
            suite: small
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: [gguf:F16, gguf:Q8_0]
            backends: [llamacpp/cpu]
            workloads:
              - latency: { prompt: 0, generate: 4, repetitions: 3, max_repetitions: 3, launches: 1, warmup_cap: 0.1 }
            gates:
              - { variant: Q8_0, metric: tg_tps, min: 1000000000 }
              - { variant: Q8_0, metric: tg_tps, min: -99%, vs: baseline }
            """);
        (int ran, string output, string error) = await RunAsync("run", suite, "--plain");
        Assert.True(ran == ExitCode.GateBroken, error + output); // a run judges its own gates

        (int alone, output, error) = await RunAsync("gate", "latest", "--baseline", "latest", "--confirm", "1");

        Assert.True(alone == ExitCode.GateBroken, error + output);
        // On a busy machine no figure may be clean; then that is what it says.
        Assert.Contains("measured again", output, StringComparison.Ordinal);
        Assert.Contains("measuring again, 1 of 1: reference gguf:Q8_0", error, StringComparison.Ordinal);
        RunEntry[] runs = [.. new RunCatalog(_folder.Combine("results")).List()];
        Assert.Equal(2, runs.Length);
        RunEntry made = Assert.Single(runs, r => r.Info!.Tags.Contains("confirm"));
        Assert.Equal("gguf:Q8_0", Assert.Single(RunFolder.ReadRecord(made.Path).Cells).Cell.Variant.Id);

        (int turns, output, error) = await RunAsync("gate", "latest", "--baseline", "latest", "--confirm", "1", "--against",
            Path.Combine(AppContext.BaseDirectory, "quantbench"));

        Assert.True(turns == ExitCode.GateBroken, error + output);
        Assert.Contains("measured again in turns with the other build", output, StringComparison.Ordinal);
        Assert.Equal(["small.yaml"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Gate_SaysWhatIsMissing()
    {
        (int code, _, string error) = await RunAsync("gate", "latest", "--against", "anything");

        Assert.Equal(ExitCode.BadInput, code);
        Assert.Contains("--confirm", error, StringComparison.Ordinal);
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) => QuantBenchProcess.RunAsync(
        [("QUANTBENCH_CACHE", _folder.Combine("cache"))], [.. arguments, "--results", _folder.Combine("results")]);
}
