using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Inference.Engines;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Suites;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.Runner.Workers;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Queue;

public sealed class SuiteRunLauncherTests : IDisposable
{
    private const string Id = "20261122-221000-reference-9f3a";
    private const string Tag = "queue:nightly@20261124T023000Z";

    private readonly TemporaryDirectory _directory = new();
    private readonly LabFixture _lab = new();

    public void Dispose()
    {
        _lab.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(null)] // known by its tag alone
    [InlineData(Id)]
    public async Task Run_NeverGoesOn_WithARunFromElsewhere(string? known)
    {
        // What an operator may upload: the queue's own tag, a suite that starts a command.
        string path = Import("""
            suite: evil
            models: [{ id: m, source: /etc, olive: "whatever it likes" }]
            variants: [gguf:F16]
            backends: [fake/cpu]
            workloads: [{ load: null }]
            """);
        string before = await File.ReadAllTextAsync(Path.Combine(path, "run.json"));
        string suite = _directory.Combine("own.yaml");
        await File.WriteAllTextAsync(suite, """
            suite: own
            models: [{ id: m, source: /nowhere }]
            variants: [gguf:F16]
            backends: [fake/cpu]
            workloads: [{ load: null }]
            """);

        // Its own suite comes up instead, and that one isn't approved.
        RequestException e = await Assert.ThrowsAsync<RequestException>(() => Launcher()
            .RunAsync(new LaunchRequest(suite, Tag, known, [], []), _ => Assert.Fail("nothing may begin"), CancellationToken.None));

        Assert.Contains("suite 'own' needs an admin's approval", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllTextAsync(Path.Combine(path, "run.json")));
    }

    private SuiteRunLauncher Launcher() => new(
        new RunnerEnvironment
        {
            Root = _directory.Path,
            CacheRoot = _directory.Combine("cache"),
            ResultsRoot = _directory.Combine("results"),
            Engines = new EngineRegistry([]),
            Worker = new WorkerCommand("/bin/false", []),
            OpenSource = _ => throw new InvalidOperationException("nothing may be opened"),
            OpenTokenizer = _ => throw new InvalidOperationException("nothing may be opened"),
            ReadFingerprint = () => throw new InvalidOperationException("nothing may begin"),
            Clock = _lab.Clock,
        },
        new SuiteApprovals(_lab.Database, _lab.Audit, _lab.Clock, _directory.Combine("datasets")));

    private string Import(string suiteText)
    {
        string there = _directory.Combine("there");
        using (RunFolder.Create(there, new RunInfo
        {
            Id = Id,
            Suite = "evil",
            SuiteText = suiteText,
            SuiteDirectory = "/",
            SuiteSha256 = "0",
            Started = new DateTimeOffset(2026, 11, 22, 22, 10, 0, TimeSpan.Zero),
            Status = RunStatus.Interrupted,
            CellCount = 1,
            Fingerprint = new Fingerprint
            {
                MachineId = "1",
                Host = "h",
                Cpu = "c",
                CpuFlags = [],
                LogicalCores = 1,
                MemoryBytes = 1,
                Os = "o",
                Runtime = "r",
                QuantBench = "0",
            },
            Tags = [Tag],
        }))
        {
            // Made and let go of.
        }

        return RunImport.From(Path.Combine(there, Id), _directory.Combine("results")).Path;
    }
}
