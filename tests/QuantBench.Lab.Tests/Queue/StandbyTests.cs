using QuantBench.Lab.Queue;
using QuantBench.Lab.State;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Queue;

/// <summary>Two servers on one lab: one runs the queue, the other stands by and takes over.</summary>
public sealed class StandbyTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task SecondServer_StandsBy_AndTakesOver_WhenTheFirstIsKilled()
    {
        if (OperatingSystem.IsWindows()) return; // SIGKILL is Unix's
        string results = _directory.Combine("results");
        string cache = _directory.Combine("cache");
        string suites = _directory.Combine("suites");
        Directory.CreateDirectory(suites);
        var queue = new OccurrenceStore(LabDatabase.Open(results), TimeProvider.System);
        using ServerProcess first = await ServerProcess.StartAsync(results, cache, suites);
        using ServerProcess second = await ServerProcess.StartAsync(results, cache, suites);
        Assert.Contains("scheduler: on", first.Said, StringComparison.Ordinal);
        Assert.Contains("scheduler: standby: process ", second.Said, StringComparison.Ordinal);

        first.KillNine();
        // A suite that isn't there: what counts is that somebody takes it.
        Occurrence asked = queue.Request(Path.Combine(suites, "absent.yaml"), "test");
        for (int i = 0; i < 200 && queue.Find(asked.Id)?.State != OccurrenceState.Failed; i++) await Task.Delay(100);

        Assert.Equal(OccurrenceState.Failed, queue.Find(asked.Id)?.State);
        (int code, string error) = await second.TerminateAsync();
        Assert.Equal(0, code);
        Assert.Contains("this one runs the queue from now on", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_Starts_WhateverSuiteFilesHold()
    {
        string suites = _directory.Combine("suites");
        Directory.CreateDirectory(Path.Combine(suites, "directory.yaml"));
        string[] texts =
        [
            "suite: a\nschedule: { cron: H H * * * }\n", "suite: b\nschedule: { cron: '0 0 30 2 *' }\n", "", "\0", "- 1", "suite: [", "{",
            "&a [*a]", "suite: c\nextends: /proc/self/mem\n",
        ];
        for (int i = 0; i < texts.Length; i++) await File.WriteAllTextAsync(Path.Combine(suites, $"broken-{i}.yaml"), texts[i]);

        using ServerProcess server = await ServerProcess.StartAsync(_directory.Combine("results"), _directory.Combine("cache"), suites);
        await Task.Delay(2500); // the scheduler has read them
        string html = await server.GetAsync("/suites");
        (int code, string error) = await server.TerminateAsync();

        Assert.Equal(0, code);
        Assert.DoesNotContain("stumbled", error, StringComparison.Ordinal);
        for (int i = 0; i < texts.Length; i++) Assert.Contains($"broken-{i}", html, StringComparison.Ordinal);
    }
}
