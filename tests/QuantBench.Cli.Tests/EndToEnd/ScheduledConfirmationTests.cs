using QuantBench.Cli.Composition;
using QuantBench.Cli.Tests.Faults;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Statistics;
using QuantBench.Lab.Queue;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.Runner.Runs;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>A schedule's run that looks worse is measured again by the server itself, before anybody is told.</summary>
public sealed class ScheduledConfirmationTests : IDisposable
{
    private const int Earlier = 8;

    private readonly TemporaryDirectory _folder = new();

    private string Results => _folder.Combine("results");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Schedule_MeasuresAgain_WhatGatesAndTrendSuspect()
    {
        string suites = Directory.CreateDirectory(_folder.Combine("suites")).FullName, suite = Path.Combine(suites, "nightly.yaml");
        string text = $$"""
            suite: nightly
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: [gguf:F16]
            backends: [managed/scalar]
            workloads:
              - latency: { prompt: 0, generate: 4, repetitions: 3, max_repetitions: 3, launches: 1, warmup_cap: 0.1 }
            gates: [{ variant: F16, metric: tg_tps, min: 1000000000 }]

            """;
        await File.WriteAllTextAsync(suite, text);
        (int ran, string output) = await LiveCommand.RunAsync("run", suite, "--plain", "--results", Results);
        Assert.True(ran == ExitCode.GateBroken, output); // a run judges its own gates
        MakeEarlierFasterRuns();
        await File.WriteAllTextAsync(suite, text + """
            schedule: { cron: 0 0 1 1 *, confirm: 1 }
            """);

        using LiveCommand serve = LiveCommand.Start("serve", "--port", "0", "--results", Results, "--suites", suites);
        var queue = new OccurrenceStore(LabDatabase.Open(Results), TimeProvider.System);
        long asked = queue.Request(suite, "test", schedule: "nightly").Id;
        for (int i = 0; i < 900 && queue.Find(asked)?.State is OccurrenceState.Due or OccurrenceState.Running; i++) await Task.Delay(100);

        Occurrence? done = queue.Find(asked);
        Assert.True(done is { State: OccurrenceState.Done }, $"{done}\n{serve.Output}");
        Assert.StartsWith($"measured again 1 times what looked worse in {done.RunId}: gate '", done.Message, StringComparison.Ordinal);
        // On a busy machine no figure may be clean: a disturbed one is no change of level, and none decides.
        string[] wanted = Figure(done.RunId!).IsDisturbed ? ["gate '"]
            : ["tg_tps of reference gguf:F16 managed/scalar latency worse: ", "latency never with a clean figure"];
        Assert.True(wanted.Any(w => done.Message!.Contains(w, StringComparison.Ordinal)), done.Message);
        RunInfo again = new RunCatalog(Results).List().Select(e => e.Info).OfType<RunInfo>().OrderBy(r => r.Started)
            .First(r => r.Tags.Contains(Remeasurement.Tag));
        Assert.True(again.Started > done.Started && again.Finished <= done.Ended);
    }

    private Measurement Figure(string run) =>
        RunFolder.ReadRecord(Path.Combine(Results, run)).Cells.Single().Metric("tg_tps")!; // a latency cell has it

    // The level that the machine had before: ten times as fast, and steady.
    private void MakeEarlierFasterRuns()
    {
        RunEntry entry = new RunCatalog(Results).List().Single();
        RunRecord real = RunFolder.ReadRecord(entry.Path);
        Directory.Delete(entry.Path, recursive: true);
        for (int i = 0; i < Earlier; i++)
        {
            RunInfo info = real.Info with
            {
                Id = $"20261101-0{i}0000-nightly-000{i}",
                Started = real.Info.Started.AddDays(i - Earlier),
                Finished = real.Info.Started.AddDays(i - Earlier).AddMinutes(1),
            };
            using RunFolder folder = RunFolder.Create(Results, info);
            foreach (Core.Cells.CellResult cell in real.Cells)
            {
                double fast = 10 * cell.Metric("tg_tps")!.Value; // a latency cell has it
                Measurement steady = MeasurementBuilder.FromSamples("tg_tps", [fast * 0.999, fast, fast * (1 + (1e-4 * i))]);
                folder.Append(cell with { Metrics = [steady] });
            }
        }

        using ResultStore store = ResultStore.Open(Results);
        store.Reindex();
    }
}
