using System.Diagnostics;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Runner.Servers;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Servers;

/// <summary>Servers made of shell scripts; the test answers for their health.</summary>
public sealed class ServerProcessTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly HealthStub _health = new();

    public void Dispose()
    {
        _health.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Start_WaitsForHealth_AndFillsThePlaceholders()
    {
        _health.ReadyAt = 3;

        await using (ServerProcess server = await StartAsync("echo \"$0 $1 $WORD on $2\"; sleep 1000", "{model}", "{variant}", "{port}"))
        {
            Assert.Equal(3, _health.Asked);
            Assert.Null(await server.DeathAsync());
        }

        string log = await File.ReadAllTextAsync(_folder.Combine("server.log"));
        Assert.Matches("^/models/a.gguf gguf:Q4_0 of-gguf:Q4_0 on [0-9]{4,5}\n$", log);
    }

    [Fact]
    public async Task Start_SaysHowItDied_WithItsLastLines()
    {
        _health.ReadyAt = int.MaxValue;

        EngineException e = await Assert.ThrowsAsync<EngineException>(() => StartAsync("echo 'no such model' >&2; exit 3"));

        Assert.Equal("the server 'odd' ended with exit code 3; last log lines: no such model, before it was ready.", e.Message);
    }

    [Fact]
    public async Task Start_GivesUp_AndEndsTheServer_WhenItIsNotReadyInTime()
    {
        _health.ReadyAt = int.MaxValue;
        long start = Stopwatch.GetTimestamp();

        EngineException e = await Assert.ThrowsAsync<EngineException>(() =>
            StartAsync($"echo $$ > {_folder.Combine("pid")}; exec sleep 1000"));

        Assert.Contains("wasn't ready within 0.3 s: its last answer was 503 at /health", e.Message, StringComparison.Ordinal);
        Assert.False(IsAlive(_folder.Combine("pid")));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.3, 30);
    }

    [Fact]
    public async Task Start_Refuses_WhenItsPortIsTaken()
    {
        int taken = new Uri(_health.Url).Port;

        EngineException e = await Assert.ThrowsAsync<EngineException>(() => ServerProcess.StartAsync(
            new SuiteServer("odd", ["sleep", "1000"]) { Port = taken }, "v", null, _folder.Path, _folder.Combine("server.log"),
            TimeProvider.System, CancellationToken.None));

        Assert.Contains($"port {taken}, where something answers already", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_NamesAProgramThatIsNotThere()
    {
        EngineException e = await Assert.ThrowsAsync<EngineException>(() => ServerProcess.StartAsync(
            new SuiteServer("odd", ["no-such-server-program"]), "v", null, _folder.Path, _folder.Combine("server.log"),
            TimeProvider.System, CancellationToken.None));

        Assert.Contains("'no-such-server-program', which isn't on PATH", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sleep 1000")]
    [InlineData("exec sleep 1000")]
    [InlineData("setsid sleep 1000")] // leaves the session
    [InlineData("trap '' TERM; while :; do sleep 1; done")] // doesn't end when asked
    public async Task Dispose_EndsTheWholeTree(string child)
    {
        string pids = _folder.Combine("pids");
        ServerProcess server = await StartAsync(
            $"sh -c 'echo $$ >> {pids}; {child.Replace("'", "'\\''", StringComparison.Ordinal)}' & echo $$ >> {pids}; wait");
        await WaitForLinesAsync(pids, 2);

        await server.DisposeAsync();

        foreach (string id in await File.ReadAllLinesAsync(pids)) Assert.False(IsRunning(int.Parse(id, CultureInfo.InvariantCulture)), id);
    }

    [Fact]
    public async Task Server_Ends_WhenTheShellBetweenIsKilledAndThePipeCloses()
    {
        ServerProcess server = await StartAsync("exec sleep 1000");
        int id = server.ProcessId;
        int shell = int.Parse((await File.ReadAllTextAsync($"/proc/{id}/stat")).Split(' ')[3], CultureInfo.InvariantCulture);
        using (Process killed = Process.GetProcessById(shell)) killed.Kill();
        await server.Exited;
        Assert.True(IsRunning(id));

        await server.DisposeAsync();

        for (int i = 0; i < 100 && IsRunning(id); i++) await Task.Delay(50);
        Assert.False(IsRunning(id));
    }

    [Fact]
    public async Task TakePeak_CountsTheWholeTree()
    {
        string hold = $"""sh -c 'x=$(head -c 30000000 /dev/zero | tr "\0" a); echo >> {_folder.Combine("held")}; sleep 1000'""";
        await using ServerProcess server = await StartAsync($"{hold} & {hold}");
        await WaitForLinesAsync(_folder.Combine("held"), 2);

        ServerMemory peak = server.TakePeak();

        Assert.InRange(peak.ResidentBytes ?? 0, 60_000_000, 400_000_000);
        Assert.InRange(peak.ProportionalBytes ?? 0, 60_000_000, peak.ResidentBytes ?? 0);
    }

    [Fact]
    public async Task Death_IsTold_WhenItDiesLater()
    {
        await using ServerProcess server = await StartAsync("echo loaded; sleep 0.2; kill -SEGV $$");

        await server.Exited;

        Assert.Equal("the server 'odd' was killed by SIGSEGV (segmentation fault); last log lines: loaded", await server.DeathAsync());
    }

    private Task<ServerProcess> StartAsync(string script, params string[] arguments)
    {
        var server = new SuiteServer("odd", ["sh", "-c", script, .. arguments])
        {
            Health = _health.Url,
            ReadyTimeout = TimeSpan.FromSeconds(_health.ReadyAt == int.MaxValue ? 0.3 : 60),
            Environment = System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty.Add("WORD", "of-{variant}"),
        };
        return ServerProcess.StartAsync(server, "gguf:Q4_0", "/models/a.gguf", _folder.Path, _folder.Combine("server.log"),
            TimeProvider.System, CancellationToken.None);
    }

    private static async Task WaitForLinesAsync(string path, int lines)
    {
        for (int i = 0; i < 600 && (!File.Exists(path) || File.ReadAllLines(path).Length < lines); i++) await Task.Delay(50);
        Assert.Equal(lines, File.ReadAllLines(path).Length);
    }

    private static bool IsAlive(string pidFile) => IsRunning(int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture));

    // One that ended and wasn't waited for by its parent yet runs no more.
    private static bool IsRunning(int id)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[stat.LastIndexOf(')') + 2] != 'Z';
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
