using Hangfire;
using Hangfire.Common;
using Hangfire.InMemory;
using Hangfire.States;
using Hangfire.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using QuantBench.Lab.Queue;
using QuantBench.Results.Folders;

namespace QuantBench.Lab.Tests.Queue;

/// <summary>What a run does to the server that starts it.</summary>
public sealed class OccurrenceJobTests : IDisposable
{
    private const string Run = "20261122-221000-tiny-9f3a";

    private readonly LabFixture _lab = new();

    public void Dispose() => _lab.Dispose();

    [Fact]
    public async Task Run_ThatTakesItsServerWithIt_IsGivenUp_UnlessItGetsOn()
    {
        Occurrence asked = _lab.Queue.Request("/suites/tiny.yaml", "test");
        for (int death = 0; death < 2; death++) await DieAsync(asked.Id);
        string folder = Path.Combine(_lab.Path, Run);
        Directory.CreateDirectory(folder);
        _lab.Queue.SetRun(asked.Id, Run);
        await File.WriteAllTextAsync(Path.Combine(folder, RunFolder.CellsFile), "{}\n"); // a cell: the count begins anew
        for (int death = 0; death < 3; death++) await DieAsync(asked.Id);
        Assert.Equal(OccurrenceState.Running, _lab.Queue.Find(asked.Id)?.State);

        await Job(new Launcher(_ => throw new InvalidOperationException("it isn't started any more"))).RunAsync(asked.Id, default);

        Assert.Equal((OccurrenceState.Failed, "started 3 times without a new result, and the server died each time"),
            (_lab.Queue.Find(asked.Id)?.State, _lab.Queue.Find(asked.Id)?.Message));
    }

    [Fact]
    public async Task Run_WhoseServerIsStoppedAsItShould_MayBeStartedAnyNumberOfTimes()
    {
        Occurrence asked = _lab.Queue.Request("/suites/tiny.yaml", "test");
        for (int stops = 0; stops < 5; stops++)
        {
            using var stop = new CancellationTokenSource();
            await Job(new Launcher(_ =>
            {
                stop.Cancel();
                throw new OperationCanceledException(stop.Token);
            })).RunAsync(asked.Id, stop.Token);
            Assert.Equal(OccurrenceState.Running, _lab.Queue.Find(asked.Id)?.State);
        }
    }

    [Fact]
    public void Filter_KeepsAJobFromASecondWorker()
    {
        using var storage = new InMemoryStorage();
        var client = new BackgroundJobClient(storage, new JobFilterProviderCollection(new JobFilterCollection { new OnceFilter() }));
        string id = client.Create(() => Console.WriteLine("never run"), new EnqueuedState("runs"));

        Assert.True(client.ChangeState(id, new ProcessingStub()));
        using IStorageConnection connection = storage.GetConnection();
        Assert.Equal(ProcessingState.StateName, connection.GetStateData(id).Name);
        client.ChangeState(id, new ProcessingStub());

        Assert.Equal(FailedState.StateName, connection.GetStateData(id).Name);
    }

    // Death leaves nothing: no end, no word.
    private async Task DieAsync(long id)
    {
        var launched = new TaskCompletionSource();
        var never = new TaskCompletionSource<LaunchedRun>();
        _ = Job(new Launcher(_ =>
        {
            launched.SetResult();
            return never.Task;
        })).RunAsync(id, default);
        await launched.Task;
    }

    private OccurrenceJob Job(IRunLauncher launcher) => new(_lab.Queue, launcher,
        new LabOptions { ResultsRoot = _lab.Path, SuitesDirectory = _lab.Path, CacheRoot = _lab.Path }, _lab.Clock,
        NullLogger<OccurrenceJob>.Instance);

    // Hangfire's own can't be made from outside.
    private sealed class ProcessingStub : IState
    {
        public string Name => ProcessingState.StateName;

        public string Reason => "";

        public bool IsFinal => false;

        public bool IgnoreJobLoadException => false;

        public Dictionary<string, string> SerializeData() => [];
    }

    private sealed class Launcher(Func<LaunchRequest, Task<LaunchedRun>> run) : IRunLauncher
    {
        public Task<LaunchedRun> RunAsync(LaunchRequest request, Action<string> started, CancellationToken cancellationToken) =>
            run(request);
    }
}
