using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.TestKit;
using QuantBench.TestKit.Databases;

namespace QuantBench.Lab.Tests.Agents;

/// <summary>A whole lab of real processes: a server on PostgreSQL, three agents, a link that can be cut before each of them.</summary>
internal sealed class TrialLab : IDisposable
{
    public const int Agents = 3;
    public const int CellsOfRun = 4;

    private const double LeaseSeconds = 3;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(150);

    private readonly TemporaryDirectory _directory = new();
    private readonly int _port = FreePort();
    private readonly string _address;
    private readonly LabProcess?[] _agents = new LabProcess?[Agents];
    private readonly CutLink[] _links;
    private readonly LabDatabase _database;
    private LabProcess? _server;

    public TrialLab()
    {
        Postgres = PostgresServer.StartOwn();
        _address = Postgres.AddressOf(Postgres.NewDatabase());
        Directory.CreateDirectory(Results);
        Directory.CreateDirectory(Suites);
        File.WriteAllText(Path.Combine(Suites, "text.txt"),
            string.Concat(Enumerable.Range(0, 400).Select(i => $"Line {i} of a text that says little. ")));
        LabCopy.Share(Results, StoreAddress.Parse(_address));
        _database = LabDatabase.Open(Results, StoreAddress.Parse(_address));
        Audit = new AuditLog(_database, TimeProvider.System);
        Queue = new OccurrenceStore(_database, TimeProvider.System);
        Schedules = new ScheduleStore(_database, Audit, TimeProvider.System);
        Jobs = new JobStore(_database, Audit, TimeProvider.System, LeaseTimes.Default);
        Machines = new MachineStore(_database, Audit, TimeProvider.System);
        var keys = new ApiKeyStore(_database, TimeProvider.System);
        _links = [.. Enumerable.Range(0, Agents).Select(_ => new CutLink(_port))];
        for (int i = 0; i < Agents; i++)
        {
            Keys[i] = keys.Create(NameOf(i), "test", Role.Agent).Key;
            File.WriteAllText(_directory.Combine($"{NameOf(i)}.key"), Keys[i]);
        }
    }

    public PostgresServer Postgres { get; }

    public string Address => _address;

    public string[] Keys { get; } = new string[Agents];

    public string Results => _directory.Combine("results");

    public string Suites => _directory.Combine("suites");

    /// <summary>Where agents have their suites' files; null = where the server has them.</summary>
    public string? SuitesOfAgents { get; init; }

    /// <summary>Variables of the server and the agents.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    public Uri Server => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_port}"));

    public AuditLog Audit { get; }

    public OccurrenceStore Queue { get; }

    public ScheduleStore Schedules { get; }

    public JobStore Jobs { get; }

    public MachineStore Machines { get; }

    public static string NameOf(int agent) => "m" + (agent + 1).ToString(CultureInfo.InvariantCulture);

    public CutLink Link(int agent) => _links[agent];

    public LabProcess Agent(int agent) => _agents[agent] ?? throw new InvalidOperationException("the agent isn't started");

    public string ResultsOf(int agent) => _directory.Combine(NameOf(agent));

    /// <summary>Writes a suite of <see cref="CellsOfRun"/> cells, of about a second each.</summary>
    public string Suite(string name, string placement)
    {
        string file = Path.Combine(Suites, name + ".yaml");
        File.WriteAllText(file, $$"""
            suite: {{name}}
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: [gguf:F32, gguf:F16]
            backends: [managed/scalar]
            workloads:
              - perplexity: { dataset: ./text.txt, n_ctx: [64, 128], chunks: 2 }
            placement: {{placement}}
            """);
        return file;
    }

    public async Task StartServerAsync()
    {
        LabProcess server = LabProcess.Start(
            new Dictionary<string, string>(Environment)
            {
                ["QUANTBENCH_STORE"] = _address,
                [LeaseTimes.Variable] = LeaseSeconds.ToString(CultureInfo.InvariantCulture),
            },
            "serve", "--port", _port.ToString(CultureInfo.InvariantCulture), "--results", Results, "--cache", _directory.Combine("cache"),
            "--suites", Suites);
        _server = server;
        await UntilAsync(() => !server.HasExited ? server.Said.Contains("Ctrl-C", StringComparison.Ordinal)
            : throw new InvalidOperationException(server.Said), "the server to start");
    }

    public void KillServer()
    {
        _server?.KillNine();
        _server?.Dispose();
        _server = null;
    }

    public void StartAgent(int agent) => _agents[agent] = LabProcess.Start(
        new Dictionary<string, string>(Environment) { ["QUANTBENCH_LOCK"] = "off", ["QUANTBENCH_STORE"] = "" },
        "agent", "--server", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_links[agent].Port}"), "--key-file",
        _directory.Combine($"{NameOf(agent)}.key"), "--results", ResultsOf(agent), "--cache", _directory.Combine("cache"), "--suites",
        SuitesOfAgents ?? Suites, "--any-condition", "--label", agent < 2 ? "site=here" : "site=there");

    public void KillAgent(int agent)
    {
        Agent(agent).KillNine();
        Agent(agent).Dispose();
        _agents[agent] = null;
    }

    /// <summary>Approves what the suites read and puts a run of one into the queue.</summary>
    public Occurrence Ask(string suite) => Queue.Request(suite, "test");

    public Job[] JobsOf(Occurrence of) => [.. Jobs.Of(of.Id)];

    /// <summary>Waits for a condition; faults of a database that is away are none.</summary>
    public async Task UntilAsync(Func<bool> holds, string what)
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (true)
        {
            try
            {
                if (holds()) return;
            }
            catch (System.Data.Common.DbException)
            {
                // Asked again.
            }

            Assert.False(patience.IsCancellationRequested, $"waited {s_patience.TotalSeconds} s for {what}:\n{Told()}");
            await Task.Delay(50);
        }
    }

    public string Told()
    {
        try
        {
            return string.Join('\n', [
                "server:", _server?.Said ?? "", .. Enumerable.Range(0, Agents).Select(i => $"{NameOf(i)}:\n{_agents[i]?.Said}"),
                .. Jobs.Latest(200).Select(j => $"{j.Key} {j.Target} {j.State} epoch {j.Epoch} of {j.Machine} run {j.RunId}: {j.Message}"),
            ]);
        }
        catch (System.Data.Common.DbException e)
        {
            return e.Message;
        }
    }

    /// <summary>Waits until all is quiet, for agents send what they have after their runs are done, too: then <see cref="Check"/> holds.
    /// </summary>
    public async Task CheckAsync((Occurrence One, int Jobs)[] asked)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!patience.IsCancellationRequested)
        {
            try
            {
                Check(asked);
                return;
            }
            catch (Exception e) when (e is Xunit.Sdk.XunitException or IOException or System.Data.Common.DbException)
            {
                await Task.Delay(500);
            }
        }

        Check(asked);
    }

    /// <summary>What must hold when all is quiet: every job is over and its run whole and counted once, everything else that was ever
    /// measured lies apart, and what the database counts is what the folders hold.</summary>
    private void Check((Occurrence One, int Jobs)[] asked)
    {
        ImmutableArray<RunEntry> here = new RunCatalog(Results).List();
        var counted = new HashSet<string>();
        foreach ((Occurrence one, int jobsOfEach) in asked)
        {
            Job[] jobs = JobsOf(one);
            Assert.NotEmpty(jobs); // a machine that still has an earlier time of a schedule gets no later one
            Assert.Equal(jobsOfEach, jobs.Length);
            foreach (Job job in jobs)
            {
                Assert.True(job.State == JobState.Done, $"{job.Key} on {job.Machine}: {job.State} {job.Message}\n{Told()}");
                RunEntry run = Assert.Single(here, r => r.Id == job.RunId);
                Assert.Equal(RunStatus.Completed, run.Info?.Status);
                AssertWhole(run.Path);
                Assert.True(counted.Add(run.Id));
                Assert.Equal(CellsOfRun, job.Cells);
            }
        }

        // Nothing is among the results that isn't some job's run.
        Assert.Equal(counted.Order(), here.Select(r => r.Id).Order());
        using (ResultStore store = ResultStore.Open(Results, StoreAddress.Parse(_address)))
        {
            foreach (string run in counted) Assert.Equal(CellsOfRun, store.ReadRecord(run)?.Cells.Length);
            foreach (JobRun late in Jobs.Late()) Assert.False(store.Has(late.RunId));
        }

        // Every cell that any machine finished is here, or lies apart with its name.
        for (int i = 0; i < Agents; i++)
        {
            foreach (RunEntry run in new RunCatalog(ResultsOf(i)).List())
            {
                string? folder = new[] { Path.Combine(Results, run.Id), Path.Combine(Results, ".late", run.Id) }
                    .FirstOrDefault(Directory.Exists);
                Assert.True(folder is not null, $"run {run.Id} of {NameOf(i)} isn't here\n{Told()}");
                var sent = RunFolder.ReadRecord(folder).Cells.Select(c => c.Cell.Id).ToHashSet();
                Assert.All(RunFolder.ReadRecord(run.Path).Cells, c => Assert.Contains(c.Cell.Id, sent));
            }
        }
    }

    public void Dispose()
    {
        foreach (LabProcess? agent in _agents) agent?.Dispose();
        _server?.Dispose();
        foreach (CutLink link in _links) link.Dispose();
        _database.Dispose();
        _directory.Dispose();
    }

    private static void AssertWhole(string folder)
    {
        string[] lines = [.. File.ReadAllLines(Path.Combine(folder, RunFolder.CellsFile))];
        Assert.Equal(CellsOfRun, lines.Length);
        IReadOnlyList<CellResult> cells = RunFolder.ReadRecord(folder).Cells;
        Assert.Equal(CellsOfRun, cells.Count);
        Assert.All(cells, c => Assert.True(c.Status == CellStatus.Ok, c.Reason));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
