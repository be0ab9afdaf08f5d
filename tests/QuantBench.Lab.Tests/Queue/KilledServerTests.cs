using System.Collections.Immutable;
using QuantBench.Core.Runs;
using QuantBench.Lab.Queue;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Queue;

/// <summary>A schedule of twenty seconds outlives its server: killed between runs and during one, it leaves exactly the runs it should.
/// Takes a good minute, most of it waiting.</summary>
public sealed class KilledServerTests : IDisposable
{
    private const int Period = 20; // seconds

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(180);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Schedule_LeavesExactlyItsRuns_WhenTheServerIsKilledBetweenAndDuringRuns()
    {
        if (OperatingSystem.IsWindows()) return; // SIGKILL is Unix's
        string results = _directory.Combine("results");
        string cache = _directory.Combine("cache");
        string suites = _directory.Combine("suites");
        Directory.CreateDirectory(suites);
        string suite = Path.Combine(suites, "tiny.yaml");
        string text = _directory.Combine("text.txt");
        await File.WriteAllTextAsync(text, string.Concat(Enumerable.Range(0, 400).Select(i => $"Line {i} of a text that says little. ")));
        await File.WriteAllTextAsync(suite, $$"""
            suite: tiny
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: [gguf:F32, gguf:F16]
            backends: [managed/scalar]
            workloads:
              - load: { repetitions: 2, time_cap: 1, warmup_cap: 0.2 }
              - perplexity: { dataset: {{text}}, n_ctx: 64, chunks: 2 }
            """);
        await ServerProcess.RunAsync("schedule", "add", suite, "--cron", $"*/{Period} * * * * *", "--results", results);
        var queue = new OccurrenceStore(LabDatabase.Open(results), TimeProvider.System);

        long duringRun;
        using (ServerProcess first = await ServerProcess.StartAsync(results, cache, suites))
        {
            await UntilAsync(() => Count(queue, OccurrenceState.Done) >= 1, "the first run");
            await UntilAsync(() => Running(queue) is { RunId: not null }, "a second run that has begun");
            duringRun = Running(queue)!.Id; // just seen
            first.KillNine();
        }

        string? begun = queue.Find(duringRun)?.RunId;
        using (ServerProcess second = await ServerProcess.StartAsync(results, cache, suites))
        {
            await UntilAsync(() => queue.Find(duringRun)?.State == OccurrenceState.Done, "the run that was killed, gone on with");
            await UntilAsync(() => queue.Open().IsEmpty, "a pause between runs");
            second.KillNine();
        }

        int before = Count(queue, OccurrenceState.Done);
        using (ServerProcess third = await ServerProcess.StartAsync(results, cache, suites))
        {
            await UntilAsync(() => Count(queue, OccurrenceState.Done) > before, "a run after a kill between runs");
            await ServerProcess.RunAsync("schedule", "pause", "tiny", "--results", results);
            await UntilAsync(() => queue.Open().IsEmpty, "the queue to empty");
        }

        ImmutableArray<Occurrence> all = queue.Latest(most: 1000);
        Occurrence[] done = [.. all.Where(o => o.State == OccurrenceState.Done)];
        ImmutableArray<RunEntry> runs = new RunCatalog(results).List();
        Assert.True(done.Length >= 3, string.Join('\n', all));
        Assert.All(all, o => Assert.Equal(0, o.Due.Second % Period));
        Assert.Equal(all.Length, all.Select(o => o.Due).Distinct().Count()); // no time twice
        Assert.Equal((all.Max(o => o.Due) - all.Min(o => o.Due)).TotalSeconds / Period, all.Length - 1); // and none forgotten
        Assert.All(all, o => Assert.True(o.State is OccurrenceState.Done or OccurrenceState.Missed, o.ToString()));
        Assert.Equal(begun, queue.Find(duringRun)?.RunId); // gone on with, not begun anew
        // One run per time that ran, none besides, each whole and each cell once.
        Assert.Equal(done.Select(o => o.RunId).Order(), runs.Select(r => (string?)r.Id).Order());
        foreach (RunEntry run in runs)
        {
            Assert.Equal(RunStatus.Completed, run.Info?.Status);
            string[] lines = await File.ReadAllLinesAsync(Path.Combine(run.Path, RunFolder.CellsFile));
            Assert.Equal(4, lines.Length);
        }
    }

    private static int Count(OccurrenceStore queue, OccurrenceState state) => queue.Latest(most: 1000).Count(o => o.State == state);

    private static Occurrence? Running(OccurrenceStore queue) => queue.Open().FirstOrDefault(o => o.State == OccurrenceState.Running);

    private static async Task UntilAsync(Func<bool> holds, string what)
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (!holds())
        {
            Assert.False(patience.IsCancellationRequested, $"waited {s_patience.TotalSeconds} s for {what}");
            await Task.Delay(50);
        }
    }
}
