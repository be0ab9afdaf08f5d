using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Inference.Evaluators;
using QuantBench.Runner.Workers;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Workers;

public sealed class WorkerProcessTests : IDisposable
{
    private const string Result = """echo '{"event":"result","result":{"engine_build":"b1"}}'""";

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_ReturnsTheResult_AndKeepsTheLog()
    {
        string log = _folder.Combine("cell.log");

        WorkerOutcome outcome =
            await ScriptWorker.RunAsync(_folder, $"echo native noise >&2\necho '{{\"event\":\"started\"}}'\n{Result}", log: log);

        Assert.Equal("b1", Assert.IsType<WorkerOutcome.Finished>(outcome).Value.EngineBuild);
        Assert.Equal("native noise\n", await File.ReadAllTextAsync(log));
    }

    [Fact]
    public async Task Run_HandsTheJobOver()
    {
        WorkerOutcome outcome = await ScriptWorker.RunAsync(_folder, """
            case "$job" in *'"kind":"probe"'*) echo '{"event":"result","result":{"engine_build":"asked to probe"}}' ;; esac
            """);

        Assert.Equal("asked to probe", Assert.IsType<WorkerOutcome.Finished>(outcome).Value.EngineBuild);
    }

    [Fact]
    public async Task Run_ReportsProgress()
    {
        var seen = new List<EvaluationProgress>();

        await ScriptWorker.RunAsync(_folder, $$"""
            echo '{"event":"progress","phase":"chunks","done":3,"total":64,"detail":"PPL 38.0"}'
            {{Result}}
            """, progress: new Collect<EvaluationProgress>(seen));

        Assert.Equal([new EvaluationProgress("chunks", 3, 64, "PPL 38.0")], seen);
    }

    [Theory]
    [InlineData("SEGV", "SIGSEGV", "segmentation fault")]
    [InlineData("ABRT", "SIGABRT", "aborted")]
    [InlineData("ILL", "SIGILL", "illegal instruction")]
    [InlineData("BUS", "SIGBUS", "bus error")]
    public async Task Run_NamesTheSignalAndTheLastLogLines_WhenTheWorkerCrashes(string signal, string name, string meaning)
    {
        WorkerOutcome outcome = await ScriptWorker.RunAsync(_folder, $$"""
            echo 'loading tensors' >&2
            echo 'ggml_compute: strange shape' >&2
            echo '{"event":"progress","phase":"load","done":0,"total":0,"detail":""}'
            kill -{{signal}} $$
            """);

        var failed = Assert.IsType<WorkerOutcome.Failed>(outcome);
        Assert.Equal(FailureKind.Crashed, failed.Kind);
        Assert.Contains(name, failed.Reason, StringComparison.Ordinal);
        Assert.Contains(meaning, failed.Reason, StringComparison.Ordinal);
        Assert.Contains("while at load", failed.Reason, StringComparison.Ordinal);
        Assert.Contains("loading tensors | ggml_compute: strange shape", failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_SaysKilled_WhenSomebodyKillsTheWorker()
    {
        var failed = Assert.IsType<WorkerOutcome.Failed>(await ScriptWorker.RunAsync(_folder, "kill -9 $$"));

        Assert.Contains("SIGKILL", failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_SaysTheExitCode_WhenTheWorkerEndsWithoutAResult()
    {
        var failed = Assert.IsType<WorkerOutcome.Failed>(await ScriptWorker.RunAsync(_folder, "exit 3"));

        Assert.Equal(FailureKind.Crashed, failed.Kind);
        Assert.Contains("exit code 3", failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_PassesTheWorkersErrorOn()
    {
        var failed = Assert.IsType<WorkerOutcome.Failed>(await ScriptWorker.RunAsync(
            _folder, """
            echo '{"event":"error","message":"x.gguf: at byte 12: cut short","hint":"fetch it again"}'
            exit 1
            """));

        Assert.Equal((FailureKind.Error, "x.gguf: at byte 12: cut short", "fetch it again"), (failed.Kind, failed.Reason, failed.Hint));
    }

    [Theory]
    [InlineData("echo 'llama_model_load: hello'")]
    [InlineData("echo '{}'")]
    [InlineData("echo '{\"event\":\"progress\"}'")]
    [InlineData("echo '{\"event\":5}'")]
    public async Task Run_FailsAndKills_WhenTheWorkerWritesGarbage(string script)
    {
        // Without the kill this would wait for the sleep.
        var failed = Assert.IsType<WorkerOutcome.Failed>(await ScriptWorker.RunAsync(_folder, $"{script}\nexec sleep 1000"));

        Assert.Equal(FailureKind.Error, failed.Kind);
        Assert.Contains("isn't its protocol", failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_KillsAHangingWorker_WhenItsTimeIsUp()
    {
        var failed = Assert.IsType<WorkerOutcome.Failed>(await ScriptWorker.RunAsync(
            _folder, """
            echo '{"event":"progress","phase":"measure","done":3,"total":10,"detail":""}'
            exec sleep 1000
            """, new WorkerLimits(TimeSpan.FromMilliseconds(300))));

        Assert.Equal(FailureKind.Timeout, failed.Kind);
        Assert.Contains("0.3 s", failed.Reason, StringComparison.Ordinal);
        Assert.Contains("measure 3/10", failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_KillsAWorkerThatReadsNothing_WhenItsTimeIsUp()
    {
        // More than a pipe holds.
        WorkerJob job = ScriptWorker.Job() with { OutputFolder = new string('x', 1 << 20) };
        var process = new WorkerProcess(new WorkerCommand("/bin/sleep", ["1000"]), TimeProvider.System)
        {
            Grace = TimeSpan.FromMilliseconds(200),
        };

        WorkerOutcome outcome = await process.RunAsync(
            job, new WorkerLimits(TimeSpan.FromMilliseconds(300)), null, new Progress<EvaluationProgress>(), CancellationToken.None)
            .WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(FailureKind.Timeout, Assert.IsType<WorkerOutcome.Failed>(outcome).Kind);
    }

    [Fact]
    public async Task Run_AsksFirst_WhenItsTimeIsUp()
    {
        string asked = _folder.Combine("asked");

        await ScriptWorker.RunAsync(_folder, $"IFS= read -r line\nprintf %s \"$line\" > {asked}",
            new WorkerLimits(TimeSpan.FromMilliseconds(300)));

        Assert.Equal("cancel", await File.ReadAllTextAsync(asked));
    }

    [Fact]
    public async Task Run_KillsAWorker_ThatPassesItsMemoryLimit()
    {
        if (!OperatingSystem.IsLinux()) return; // resident memory is read from /proc

        // The shell doubles a string until it is stopped.
        var failed = Assert.IsType<WorkerOutcome.Failed>(await ScriptWorker.RunAsync(
            _folder, """
            x=0123456789abcdef
            while [ ${#x} -lt 400000000 ]; do x=$x$x; done
            exec sleep 1000
            """, new WorkerLimits(TimeSpan.FromSeconds(60), 48 << 20)));

        Assert.Equal(FailureKind.OutOfMemory, failed.Kind);
        Assert.Contains("memory limit of 48 MiB", failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_IsCancelled_WhenTheUserStopsIt()
    {
        using var stop = new CancellationTokenSource();
        var progress = new Act<EvaluationProgress>(_ => stop.Cancel());

        WorkerOutcome outcome = await ScriptWorker.RunAsync(
            _folder, """
            echo '{"event":"progress","phase":"load","done":0,"total":0,"detail":""}'
            exec sleep 1000
            """, progress: progress, cancellationToken: stop.Token);

        Assert.IsType<WorkerOutcome.Cancelled>(outcome);
    }

    [Fact]
    public async Task Run_KeepsTheResultWithAMark_WhenTheWorkerCrashesAfterIt()
    {
        var finished = Assert.IsType<WorkerOutcome.Finished>(await ScriptWorker.RunAsync(_folder, $"{Result}\nkill -SEGV $$"));

        Assert.Contains("SIGSEGV", finished.Value.Notes.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_IgnoresALastLineThatWasCut()
    {
        var failed =
            Assert.IsType<WorkerOutcome.Failed>(await ScriptWorker.RunAsync(_folder, "printf '{\"event\":\"result\",\"resu'\nkill -9 $$"));

        Assert.Contains("SIGKILL", failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_EndsWithItsWorker_WhenAGrandchildHoldsThePipes()
    {
        Assert.IsType<WorkerOutcome.Finished>(await ScriptWorker.RunAsync(_folder, $"sleep 30 &\n{Result}"));
    }

    [Fact]
    public async Task Run_Throws_WhenTheProgramDoesNotExist()
    {
        var process = new WorkerProcess(new WorkerCommand(_folder.Combine("nothing"), []), TimeProvider.System);

        await Assert.ThrowsAsync<EngineException>(() =>
            process.RunAsync(ScriptWorker.Job(), new WorkerLimits(TimeSpan.FromSeconds(9)), null, new Progress<EvaluationProgress>(),
                CancellationToken.None));
    }
}

internal sealed class Collect<T>(List<T> into) : IProgress<T>
{
    public void Report(T value)
    {
        lock (into) into.Add(value);
    }
}

internal sealed class Act<T>(Action<T> action) : IProgress<T>
{
    public void Report(T value) => action(value);
}
