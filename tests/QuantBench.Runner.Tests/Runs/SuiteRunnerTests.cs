using System.Text;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.Runner.Events;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Tests.Servers;
using QuantBench.Runner.Workers;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Runs;

/// <summary>Whole runs with a worker made of a shell script: it plans, builds and measures as its first lines say.</summary>
public sealed class SuiteRunnerTests : IDisposable
{
    private const string Suite =
        """
        suite: tiny
        models: [{ id: m, source: model.gguf }]
        variants: [gguf:F16, gguf:Q8_0, gguf:Q4_0]
        backends: [fake/cpu]
        workloads:
          - load: { repetitions: 1 }
        """;

    private readonly TemporaryDirectory _folder = new();
    private readonly List<RunEvent> _events = [];
    private string _sourceSha256 = "s1";

    public SuiteRunnerTests() => _folder.Write("tiny.yaml", Encoding.UTF8.GetBytes(Suite));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_MeasuresEveryCell_AndCompletes()
    {
        RunOutcome outcome = await RunAsync(MeasureOk);

        Assert.Equal((3, 0, 0, RunStatus.Completed), (outcome.Ok, outcome.Unsupported, outcome.Failed, outcome.Info.Status));
        CellResult cell = Cells(outcome)[0];
        Assert.Equal(12.5, cell.Metric("load_time")?.Value);
        Assert.Equal(("s1", "fake v1"), (cell.Provenance["model_sha256"], cell.Provenance["engine_build"]));
        Assert.Equal(64, cell.Provenance["artifact_sha256"].Length);
        Assert.Equal("fake v1", outcome.Info.Fingerprint.Engines["fake"]);
    }

    [Fact]
    public async Task Run_GoesOn_WhenOneCellsWorkerCrashes()
    {
        RunOutcome outcome = await RunAsync($"case \"$job\" in *'\"variant\":\"gguf:Q8_0\"'*) kill -SEGV $$ ;; esac\n{MeasureOk}");

        Assert.Equal((2, 0, 1), (outcome.Ok, outcome.Unsupported, outcome.Failed));
        CellResult failed = Cells(outcome).Single(c => c.Status == CellStatus.Failed);
        Assert.Equal(("gguf:Q8_0", FailureKind.Crashed), (failed.Cell.Variant.Id, failed.Failure));
        Assert.Contains("SIGSEGV", failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_RecordsUnsupported_WhenTheWorkerSaysSo()
    {
        RunOutcome outcome = await RunAsync("""echo '{"event":"result","result":{"unsupported":"fake: needs AVX-512"}}'""");

        Assert.Equal(3, outcome.Unsupported);
        Assert.All(Cells(outcome), c => Assert.Equal("fake: needs AVX-512", c.Reason));
    }

    [Fact]
    public async Task Run_FailsOnlyTheModel_WhenWhatLiesThereIsNone()
    {
        Directory.CreateDirectory(_folder.Combine("nothing-in-it"));
        string two = _folder.Combine("two.yaml");
        string text = await File.ReadAllTextAsync(_folder.Combine("tiny.yaml"));
        await File.WriteAllTextAsync(two,
            text.Replace("models: [", "models: [{ id: other, source: nothing-in-it }, ", StringComparison.Ordinal));
        RunnerEnvironment environment = Environment(MeasureOk, ProbeOk, "");
        Func<string, ModelSource> open = environment.OpenSource;
        environment = environment with
        {
            OpenSource = path => path.EndsWith("nothing-in-it", StringComparison.Ordinal)
                ? throw new RequestException("it has no config.json.", "Give a model.") : open(path),
        };

        RunOutcome outcome = await new SuiteRunner(environment, new Collect(_events, null))
            .RunAsync(SuiteLoader.Load(two, EngineCatalog.None), new RunOptions(), CancellationToken.None);

        Assert.All(Cells(outcome), c => Assert.Equal(c.Cell.Model != "other", c.Status == CellStatus.Ok));
        Assert.All(Cells(outcome).Where(c => c.Cell.Model == "other"),
            c => Assert.Contains("no config.json", c.Reason, StringComparison.Ordinal));
        Assert.Equal(6, Cells(outcome).Count);
    }

    [Fact]
    public async Task Run_FailsOnlyTheVariant_WhenItsBuildFails()
    {
        RunOutcome outcome = await RunAsync(MeasureOk, prepare: """
            case "$job" in *'"artifact_names":["gguf:Q8_0"]'*) echo '{"event":"error","message":"no space for tensors"}'; exit 1 ;; esac
            """);

        CellResult failed = Cells(outcome).Single(c => c.Status != CellStatus.Ok);
        Assert.Equal(("gguf:Q8_0", FailureKind.Preparation), (failed.Cell.Variant.Id, failed.Failure));
        Assert.Contains("no space for tensors", failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_RecordsUnsupported_WhenABuildFindsOutThatItCant()
    {
        RunOutcome outcome = await RunAsync(MeasureOk, prepare: """
            case "$job" in *'"artifact_names":["gguf:Q8_0"]'*)
                echo '{"event":"result","result":{"unsupported":"m: not read"}}'; exit 0 ;;
            esac
            """);

        CellResult unsupported = Cells(outcome).Single(c => c.Status != CellStatus.Ok);
        Assert.Equal(("gguf:Q8_0", CellStatus.Unsupported), (unsupported.Cell.Variant.Id, unsupported.Status));
        Assert.Contains("m: not read", unsupported.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_BuildsArtifactsOnce_OverRuns()
    {
        await RunAsync(MeasureOk);
        _events.Clear();

        await RunAsync(MeasureOk);

        Assert.Equal(3, _events.OfType<RunEvent.PreparationEnded>().Count(e => e.Cached));
        Assert.Empty(_events.OfType<RunEvent.PreparationStarted>());
    }

    [Fact]
    public async Task Run_MakesAnArtifactAgain_WhenItsBytesAreNotItsRecipesAnyMore()
    {
        await RunAsync(MeasureOk);
        string damaged = Directory.GetFiles(_folder.Combine("cache/models"), "artifact.gguf", SearchOption.AllDirectories)[1];
        DateTime written = File.GetLastWriteTimeUtc(damaged);
        File.WriteAllText(damaged, "weighty"); // as long as before
        File.SetLastWriteTimeUtc(damaged, written);
        _events.Clear();

        RunOutcome outcome = await RunAsync(MeasureOk);

        Assert.Equal(3, outcome.Ok);
        Assert.Contains("is damaged (its SHA-256 is", Assert.Single(_events.OfType<RunEvent.Warning>()).Message, StringComparison.Ordinal);
        Assert.Equal(2, _events.OfType<RunEvent.PreparationEnded>().Count(e => e.Cached));
        Assert.Equal("weights", File.ReadAllText(damaged));
        Assert.Empty(Directory.GetDirectories(_folder.Combine("cache/models/.building")));
    }

    [Fact]
    public async Task Run_FailsTheCell_WhenItsArtifactChangesBetweenTwoCells()
    {
        RunOutcome outcome = await RunAsync(MeasureOk, onEvent: e =>
        {
            if (e is not RunEvent.CellFinished { Index: 0 }) return;
            foreach (string artifact in Directory.GetFiles(_folder.Combine("cache/models"), "artifact.gguf",
                SearchOption.AllDirectories))
                File.WriteAllText(artifact, "weighty");
        });

        Assert.Equal((1, 2), (outcome.Ok, outcome.Failed));
        Assert.Contains("changed while the run was under way", Cells(outcome)[1].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_KeepsOnlyWhatOnlySays()
    {
        RunOutcome outcome = await RunAsync(MeasureOk, options: new RunOptions { Only = ["Q8_0"], Threads = 3 });

        Cell cell = Cells(outcome).Single().Cell;
        Assert.Equal(("gguf:Q8_0", 3L), (cell.Variant.Id, cell.Settings.Int("threads")));
    }

    [Fact]
    public async Task Resume_MeasuresOnlyWhatIsMissing()
    {
        using var stop = new CancellationTokenSource();
        int finished = 0;
        RunOutcome interrupted = await RunAsync(MeasureOk, token: stop.Token, onEvent: e =>
        {
            if (e is RunEvent.CellFinished && ++finished == 1) stop.Cancel();
        });
        Assert.Equal((RunStatus.Interrupted, 1), (interrupted.Info.Status, interrupted.Ok));
        _events.Clear();

        RunOutcome outcome = await Runner(MeasureOk).ResumeAsync(interrupted.Folder, new RunOptions(), CancellationToken.None);

        Assert.Equal((RunStatus.Completed, 3), (outcome.Info.Status, outcome.Ok));
        Assert.Equal(2, _events.OfType<RunEvent.CellStarted>().Count());
        Assert.Equal(3, Cells(outcome).Count);
    }

    [Fact]
    public async Task Run_DoesNotRecordTheCellThatWasRunning_WhenItIsStopped()
    {
        using var stop = new CancellationTokenSource();

        RunOutcome outcome = await RunAsync("""
            echo '{"event":"progress","phase":"measure","done":0,"total":0,"detail":""}'
            exec sleep 1000
            """, token: stop.Token, onEvent: e =>
        {
            if (e is RunEvent.CellProgress) stop.Cancel();
        });

        Assert.True(outcome.Interrupted);
        Assert.Empty(Cells(outcome));
    }

    [Fact]
    public async Task Resume_TriesFailedCellsAgain_OnlyWhenAsked()
    {
        RunOutcome failed = await RunAsync("exit 1");
        Assert.Equal(3, failed.Failed);

        RunOutcome same = await Runner(MeasureOk).ResumeAsync(failed.Folder, new RunOptions(), CancellationToken.None);
        Assert.Equal((0, 3), (same.Ok, same.Failed));
        RunOutcome again =
            await Runner(MeasureOk).ResumeAsync(failed.Folder, new RunOptions { RetryFailed = true }, CancellationToken.None);
        Assert.Equal((3, 0), (again.Ok, again.Failed));
    }

    [Fact]
    public async Task Resume_RefusesAndNamesTheModel_WhenItChanged()
    {
        RunOutcome first = await RunAsync("exit 1");
        _sourceSha256 = "s2";

        var e = await Assert.ThrowsAsync<RequestException>(() =>
            Runner(MeasureOk).ResumeAsync(first.Folder, new RunOptions(), CancellationToken.None));
        RunOutcome forced =
            await Runner(MeasureOk).ResumeAsync(first.Folder, new RunOptions { Force = true, RetryFailed = true }, CancellationToken.None);

        Assert.Contains("model m changed from s1 to s2", e.Message, StringComparison.Ordinal);
        Assert.Equal(3, forced.Ok);
    }

    [Fact]
    public async Task Run_IsUnsupportedWithTheReason_WhenTheEngineCannotStart()
    {
        RunOutcome outcome =
            await RunAsync(MeasureOk,
                probe: """echo '{"event":"error","message":"libllama.so is missing","hint":"Run ./run-bench.sh setup."}'""");

        Assert.Equal(3, outcome.Unsupported);
        Assert.All(Cells(outcome),
            c => Assert.Contains("libllama.so is missing. Run ./run-bench.sh setup.", c.Reason, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("kill -KILL $$", "SIGKILL")]
    [InlineData("exit 3", "exit code 3")]
    [InlineData("echo 'Segmentation fault'", "isn't its protocol")]
    public async Task Run_Fails_WhenTheProbeGivesNoAnswer_AndRetryMeasures(string probe, string said)
    {
        RunOutcome outcome = await RunAsync(MeasureOk, probe: probe);

        Assert.Equal((0, 3, 0), (outcome.Unsupported, outcome.Failed, outcome.Ok));
        Assert.All(Cells(outcome), c => Assert.Contains(said, c.Reason, StringComparison.Ordinal));
        RunOutcome again =
            await Runner(MeasureOk).ResumeAsync(outcome.Folder, new RunOptions { RetryFailed = true }, CancellationToken.None);
        Assert.Equal((3, 0), (again.Ok, again.Failed));
    }

    [Fact]
    public async Task Run_AsksOnceMore_WhenAProbeIsKilled()
    {
        string mark = _folder.Combine("killed");

        RunOutcome outcome = await RunAsync(MeasureOk, probe: $"[ -e {mark} ] || {{ touch {mark}; kill -KILL $$; }}\n{ProbeOk}");

        Assert.Equal(3, outcome.Ok);
    }

    [Fact]
    public async Task Resume_RefusesARunFromElsewhere_AndStartsNothing()
    {
        RunOutcome made = await RunAsync("exit 1");
        string elsewhere = _folder.Combine("elsewhere");
        string taken = RunImport.From(made.Folder, elsewhere).Path;
        string before = File.ReadAllText(Path.Combine(taken, "run.json"));
        string mark = _folder.Combine("started");

        RequestException e = await Assert.ThrowsAsync<RequestException>(() =>
            new SuiteRunner(Environment(MeasureOk, $"touch {mark}", ""), new Collect(_events, null))
                .ResumeAsync(taken, new RunOptions { RetryFailed = true, Force = true }, CancellationToken.None));

        Assert.Contains("taken in from elsewhere", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(mark));
        Assert.Equal(before, File.ReadAllText(Path.Combine(taken, "run.json")));
    }

    [Fact]
    public async Task Run_TellsItsId_BeforeItsFolderIsMade()
    {
        var told = new List<(string Id, bool Exists)>();

        RunOutcome outcome = await RunAsync(MeasureOk,
            options: new RunOptions { Begins = id => told.Add((id, Directory.Exists(Path.Combine(_folder.Combine("results"), id)))) });

        Assert.Equal((outcome.Info.Id, false), Assert.Single(told));
    }

    [Fact]
    public async Task Run_OnlyWarns_WhenTheIndexFails()
    {
        RunOutcome outcome = await new SuiteRunner(Environment(MeasureOk, ProbeOk, ""), new Collect(_events, null), new BrokenIndex())
            .RunAsync(SuiteLoader.Load(_folder.Combine("tiny.yaml"), EngineCatalog.None), new RunOptions(), CancellationToken.None);

        Assert.Equal(3, outcome.Ok);
        Assert.Contains("reindex", _events.OfType<RunEvent.Warning>().Single().Message, StringComparison.Ordinal);
    }

    private const string ThreeLaunches = """
        suite: tiny
        models: [{ id: m, source: model.gguf }]
        variants: [gguf:F16, gguf:Q8_0]
        backends: [fake/cpu]
        workloads:
          - load: { repetitions: 6 }
        """;

    // Each launch takes a little longer than the one before.
    private string MeasureCounting => $$$$"""
        n=$(cat {{{{_folder.Combine("count")}}}} 2>/dev/null || echo 0); n=$((n + 1)); echo $n > {{{{_folder.Combine("count")}}}}
        echo '{"event":"result","result":{"metrics":[{"name":"load_time","unit":"ms","direction":"lower","value":'$n',
        "samples":['$n','$n']},
        {"name":"rss_peak","unit":"B","direction":"lower","value":'$n'}],"notes":["first load '$n' ms"],
        "conditions":{"repetitions_made":2,"before_load1":'$n'},"provenance":{"engine_build":"fake v1"}}}' | tr -d '\n'; echo
        """;

    [Fact]
    public async Task Run_MeasuresTimedCells_InLaunchesThatTakeTurns()
    {
        _folder.Write("tiny.yaml", Encoding.UTF8.GetBytes(ThreeLaunches));

        RunOutcome outcome = await RunAsync(MeasureCounting);

        Assert.Equal(
            [("gguf:F16", 1), ("gguf:Q8_0", 1), ("gguf:F16", 2), ("gguf:Q8_0", 2), ("gguf:F16", 3), ("gguf:Q8_0", 3)],
            _events.OfType<RunEvent.CellStarted>().Select(e => (e.Cell.Variant.Id, e.Launch)));
        IReadOnlyList<CellResult> cells = Cells(outcome);
        Assert.Equal([1.0, 1, 3, 3, 5, 5], cells[0].Metric("load_time")!.Samples!);
        Assert.Equal([2.0, 4, 6], cells[1].Metric("load_time")!.Timing!.LaunchValues);
        Assert.Equal(5, cells[0].Metric("rss_peak")!.Value);
        Assert.Equal((6.0, 1.0, "3"), (cells[0].Conditions["repetitions_made"], cells[0].Conditions["before_load1"],
            cells[0].Provenance["launches"]));
        Assert.Equal(["first load 1 ms"],
            cells[0].Notes!.Value.Where(n => !n.Contains("yardstick", StringComparison.Ordinal))); // the machine may be anything
        Assert.False(Directory.Exists(Path.Combine(outcome.Folder, RunFolder.LaunchesFolder)));
    }

    [Fact]
    public async Task Resume_KeepsLaunches_OfCellsThatAreNotWhole()
    {
        _folder.Write("tiny.yaml", Encoding.UTF8.GetBytes(ThreeLaunches));
        using var stop = new CancellationTokenSource();
        int started = 0;
        RunOutcome interrupted = await RunAsync(MeasureCounting, token: stop.Token, onEvent: e =>
        {
            if (e is RunEvent.CellStarted && ++started == 4) stop.Cancel();
        });
        Assert.Equal((RunStatus.Interrupted, 0), (interrupted.Info.Status, interrupted.Ok));
        _events.Clear();

        RunOutcome outcome = await Runner(MeasureCounting).ResumeAsync(interrupted.Folder, new RunOptions(), CancellationToken.None);

        Assert.Equal(2, outcome.Ok);
        Assert.Equal(3, _events.OfType<RunEvent.CellStarted>().Count());
        Assert.All(Cells(outcome), c => Assert.Equal(3, c.Metric("load_time")!.Launches));
    }

    [Fact]
    public async Task Run_FailsACell_OfWhichOneLaunchFails()
    {
        _folder.Write("tiny.yaml", Encoding.UTF8.GetBytes(ThreeLaunches));

        RunOutcome outcome = await RunAsync($$"""
            case "$job" in *'"variant":"gguf:Q8_0"'*)
                [ -e {{_folder.Combine("once")}} ] && exit 1; touch {{_folder.Combine("once")}} ;; esac
            {{MeasureCounting}}
            """);

        Assert.Equal((1, 1), (outcome.Ok, outcome.Failed));
        Assert.Equal(5, _events.OfType<RunEvent.CellStarted>().Count());
    }

    [Fact]
    public async Task Run_WarnsBeforeItMeasures_WhenThreadsAreMoreThanCores()
    {
        await RunAsync(MeasureOk, options: new RunOptions { Threads = 1000 });
        int warned = _events.FindIndex(e => e is RunEvent.Warning { Message: var text } && text.Contains("asks for 1000 threads"));

        Assert.InRange(warned, 0, _events.FindIndex(e => e is RunEvent.CellFinished));
        _events.Clear();
        await RunAsync(MeasureOk, options: new RunOptions { Threads = 1 });
        Assert.DoesNotContain(_events, e => e is RunEvent.Warning);
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData(" {model}", 3)] // another artifact needs another server
    public async Task Run_StartsTheServersOfASuite_AndEndsThem(string argument, int starts)
    {
        using var health = new HealthStub();
        string pids = _folder.Combine("pids");
        _folder.Write("tiny.yaml", Encoding.UTF8.GetBytes(Served(health, $"echo $$ >> {pids}; exec sleep 1000", argument)));

        RunOutcome outcome = await RunAsync($"printf '%s\n' \"$job\" >> {_folder.Combine("jobs")}\n{MeasureOk}", ProbeServer);

        Assert.Equal(3, outcome.Ok);
        string[] started = await File.ReadAllLinesAsync(pids);
        Assert.Equal(starts, started.Length);
        Assert.All(started, id => Assert.False(Directory.Exists($"/proc/{id}")));
        Assert.Equal(3, File.ReadAllText(_folder.Combine("jobs")).Split("\"server_device\":\"openai@http://127.0.0.1:").Length - 1);
        CellResult cell = Cells(outcome)[0];
        Assert.InRange(cell.Metric("server_rss_peak")?.Value ?? 0, 100_000, 100_000_000);
        Assert.InRange(cell.Metric("server_pss_peak")?.Value ?? 0, 10_000, 100_000_000);
        Assert.StartsWith("sh -c echo", cell.Provenance["server_command"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_FailsTheCellWhoseServerDies_AndStartsAnotherForTheNext()
    {
        using var health = new HealthStub();
        string dying = _folder.Combine("die");
        _folder.Write("tiny.yaml",
            Encoding.UTF8.GetBytes(Served(health, $"while [ ! -e {dying} ]; do sleep 0.05; done; rm {dying}; echo no slot left; exit 7")));

        RunOutcome outcome = await RunAsync($"""
            case "$job" in *'"variant":"gguf:Q8_0"'*) touch {dying}; exec sleep 1000 ;; esac
            {MeasureOk}
            """, ProbeServer);

        Assert.Equal((2, 1), (outcome.Ok, outcome.Failed));
        CellResult failed = Cells(outcome).Single(c => c.Status == CellStatus.Failed);
        Assert.Equal("the server 'srv' ended with exit code 7; last log lines: no slot left", failed.Reason);
        Assert.Equal((FailureKind.Crashed, "gguf:Q8_0"), (failed.Failure, failed.Cell.Variant.Id));
    }

    /// <summary>What was pulled is deleted, what was there before only unloaded; a model that can't be pulled fails alone.</summary>
    [Fact]
    public async Task Run_PullsServedModels_AndTakesThemAway()
    {
        _folder.Write("tiny.yaml", Encoding.UTF8.GetBytes("""
            suite: tiny
            models: [{ id: m, source: served, pull: true, after: delete }]
            variants: ["served:a", "served:b", "served:c"]
            backends: ["fake/openai@http://127.0.0.1:9"]
            workloads:
              - load: { repetitions: 1 }
            """));
        string log = _folder.Combine("asked");
        string measure = $$$"""
            kind=$(printf %s "$job" | sed -n 's/.*"kind":"\([a-z]*\)".*/\1/p')
            variant=$(printf %s "$job" | sed -n 's/.*"variant":"served:\([a-z]*\)".*/\1/p')
            echo "$kind $variant" >> {{{log}}}
            case "$kind $variant" in
            "pull a") echo '{"event":"result","result":{"pulled":true}}' ;;
            "pull c") echo '{"event":"error","message":"no such model"}'; exit 1 ;;
            cell*) {{{MeasureOk}}} ;;
            *) echo '{"event":"result","result":{}}' ;;
            esac
            """;

        RunOutcome outcome = await RunAsync(measure,
            probe: ProbeServer.Replace("openai@srv", "openai@http://127.0.0.1:9", StringComparison.Ordinal));

        Assert.Equal(["pull a", "cell a", "pull b", "cell b", "pull c", "delete a", "unload b"], await File.ReadAllLinesAsync(log));
        Assert.Equal((2, 1), (outcome.Ok, outcome.Failed));
        Assert.Contains("no such model", Cells(outcome).Single(c => c.Status == CellStatus.Failed).Reason, StringComparison.Ordinal);
    }

    private const string ProbeServer = """
        echo '{"event":"result","result":{"engine_build":"fake v1","devices":[{"id":"openai@srv","description":"server"}]}}'
        """;

    private static string Served(HealthStub health, string script, string argument = "") => $"""
        suite: tiny
        models: [{"{"} id: m, source: model.gguf {"}"}]
        variants: [gguf:F16, gguf:Q8_0, gguf:Q4_0]
        servers: [{"{"} id: srv, command: 'sh -c "{script}" {"{port}"}{argument}', health: '{health.Url}' {"}"}]
        backends: [fake/openai@srv]
        workloads:
          - load: {"{"} repetitions: 1 {"}"}
        """;

    private const string ProbeOk =
        """echo '{"event":"result","result":{"engine_build":"fake v1","devices":[{"id":"cpu","description":"CPU"}]}}'""";

    private const string MeasureOk =
        """echo '{"event":"result","result":{"metrics":[{"name":"load_time","unit":"ms","direction":"lower","value":12.5}]"""
            + ""","provenance":{"engine_build":"fake v1"}}}'""";

    private const string Built =
        """echo '{"event":"result","result":{"built":{"sha256":"9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c","""
            + "\"bytes\":7,\"weight_bytes\":4,\"parameter_count\":1}}}'";

    private static IReadOnlyList<CellResult> Cells(RunOutcome outcome)
    {
        using RunFolder folder = RunFolder.OpenReadOnly(outcome.Folder);
        return folder.ReadCells();
    }

    private Task<RunOutcome> RunAsync(
        string measure, string probe = ProbeOk, string prepare = "", RunOptions? options = null, Action<RunEvent>? onEvent = null,
        CancellationToken token = default) =>
        new SuiteRunner(Environment(measure, probe, prepare), new Collect(_events, onEvent))
            .RunAsync(SuiteLoader.Load(_folder.Combine("tiny.yaml"), EngineCatalog.None), options ?? new RunOptions(), token);

    private SuiteRunner Runner(string measure) => new(Environment(measure, ProbeOk, ""), new Collect(_events, null));

    private RunnerEnvironment Environment(string measure, string probe, string prepare)
    {
        static string recipe(string name) =>
            "\"" + name + "\":{\"recipe\":{\"builder\":\"copy\",\"builder_build\":\"1\",\"inputs\":[],\"parameters\":{}}}";
        string plans = string.Join(',', recipe("gguf:F16"), recipe("gguf:Q8_0"), recipe("gguf:Q4_0"));
        string plan = "echo '{\"event\":\"result\",\"result\":{\"plans\":{" + plans + "}}}'";
        string script = $$"""
            case "$job" in
            *'"kind":"probe"'*)
            {{probe}}
            ;;
            *'"kind":"plan"'*)
            {{plan}}
            ;;
            *'"kind":"prepare"'*)
            {{prepare}}
            out=$(printf %s "$job" | sed -n 's/.*"output_path":"\([^"]*\)".*/\1/p')
            printf weights > "$out"
            {{Built}}
            ;;
            *)
            {{measure}}
            ;;
            esac
            """;
        return new RunnerEnvironment
        {
            Root = _folder.Path,
            CacheRoot = _folder.Combine("cache"),
            ResultsRoot = _folder.Combine("results"),
            Engines = new EngineRegistry([
                new EngineRegistration(
                    new EngineFacts("fake", "a script", "cpu"), _ => throw new InvalidOperationException("made in workers only"),
                    _ => [])]),
            Worker = ScriptWorkerCommand(script),
            OpenSource = path => new ModelSource(SourceKind.Gguf, path, [path], _sourceSha256),
            OpenTokenizer = _ => new NoTokenizer(),
            ReadFingerprint = () => new Fingerprint
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
            Clock = TimeProvider.System,
        };
    }

    private WorkerCommand ScriptWorkerCommand(string script) => Workers.ScriptWorker.Command(_folder, script, "worker");

    private sealed class Collect(List<RunEvent> into, Action<RunEvent>? onEvent) : IProgress<RunEvent>
    {
        public void Report(RunEvent value)
        {
            lock (into) into.Add(value);
            onEvent?.Invoke(value);
        }
    }

    private sealed class BrokenIndex : IResultIndex
    {
        public void IndexRun(RunInfo info, string folder) => throw new IOException("no database here");

        public void IndexCell(string runId, CellResult result) => throw new IOException("no database here");
    }

    private sealed class NoTokenizer : ITextTokenizer
    {
        public string Sha256 => "t";

        public int VocabularySize => 0;

        public int? BosToken => null;

        public int[] Encode(string text) => [];

        public int ByteLength(int token) => 0;
    }
}
