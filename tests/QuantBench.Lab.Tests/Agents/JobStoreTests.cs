using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;
using QuantBench.Results.Store;
using QuantBench.TestKit;
using QuantBench.TestKit.Databases;

namespace QuantBench.Lab.Tests.Agents;

/// <summary>The laws of leases, on SQLite and on PostgreSQL.</summary>
public abstract class JobStoreTests : IDisposable
{
    private static readonly LeaseTimes s_times = new(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(20));

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 1, 12, 0, 30, TimeSpan.Zero));
    private readonly LabDatabase _database;
    private readonly MachineStore _machines;
    private readonly JobStore _jobs;

    protected JobStoreTests(StoreAddress? shared)
    {
        if (shared is not null) LabCopy.Share(_directory.Path, shared);
        _database = LabDatabase.Open(_directory.Path, shared);
        var audit = new AuditLog(_database, _clock);
        _machines = new MachineStore(_database, audit, _clock);
        _jobs = new JobStore(_database, audit, _clock, s_times);
    }

    public void Dispose()
    {
        _database.Dispose();
        _directory.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Claim_GivesAJobOnce_AndTheSameAnswerToTheSameQuestion()
    {
        Add("{ machines: [a] }", "a");
        Machine a = Machine("a");
        Machine b = Machine("b");

        Job first = Claimed(a, "q1");
        Job again = Claimed(a, "q1");

        Assert.Equal((1, 1), (first.Epoch, first.Attempts));
        Assert.Equal((first.Id, first.Epoch, first.Attempts), (again.Id, again.Epoch, again.Attempts));
        Assert.Null(_jobs.Claim(b, b.Instance, "q2"));
    }

    [Fact]
    public void Claim_ByAnAgentThatWasStartedAnew_GoesOnWithItsRunUnderANewNumber()
    {
        Add("{ machines: [a] }", "a");
        Machine a = Machine("a");
        Job first = Claimed(a, "q1");
        Assert.Equal(RunStanding.Current, _jobs.Begin(first, first.Epoch, "a", "run-1"));

        Job second = Claimed(a, "q2");

        Assert.Equal((first.Epoch + 1, "run-1"), (second.Epoch, second.RunId));
        Assert.Null(_jobs.Renew(first.Id, first.Epoch, "a"));
        Assert.NotNull(_jobs.Renew(second.Id, second.Epoch, "a"));
        Assert.Equal(RunStanding.Current, _jobs.Begin(second, second.Epoch, "a", "run-1"));
    }

    [Fact]
    public void Claim_ByAnotherInstallationWithTheSameKey_IsRefusedWhileTheLeaseLasts()
    {
        Add("{ machines: [a] }", "a");
        Machine a = Machine("a");
        Claimed(a, "q1");

        Assert.Throws<RequestException>(() => _jobs.Claim(a, "elsewhere", "q2"));
        _clock.Advance(s_times.Lease + TimeSpan.FromSeconds(1));
        Assert.NotNull(_jobs.Claim(a, "elsewhere", "q2"));
    }

    [Fact]
    public void Claim_ForTheFourthTimeWithoutAResult_QuarantinesTheJob_AndAResultStartsTheCountAnew()
    {
        Add("{ machines: [a] }", "a");
        Machine a = Machine("a");
        Claimed(a, "q1");
        Job second = Claimed(a, "q2");
        _jobs.Begin(second, second.Epoch, "a", "run-1");
        _jobs.Count("run-1", 1, isNew: true);
        Claimed(a, "q3");
        Assert.Equal(3, Claimed(a, "q4").Attempts);

        Assert.Null(_jobs.Claim(a, a.Instance, "q5"));

        Job quarantined = Assert.Single(_jobs.Open());
        Assert.Equal(JobState.Quarantined, quarantined.State);
        Assert.Equal("handed out 3 times without a new result, last to a", quarantined.Message);
        _jobs.Release(quarantined.Id, "test");
        Assert.Equal("run-1", Claimed(a, "q6").RunId);
        Assert.Throws<RequestException>(() => _jobs.Release(quarantined.Id, "test"));
    }

    [Fact]
    public void Renew_AfterTheLeaseRanOut_IsAsGoodAsBefore_WhileNobodyElseHasIt()
    {
        Add("{ machines: [a], lost_after: 5m, replace: true }", "a");
        Job job = Claimed(Machine("a"), "q1");

        _clock.Advance(s_times.Lease + TimeSpan.FromMinutes(4));
        Assert.Empty(_jobs.Sweep());
        Assert.NotNull(_jobs.Renew(job.Id, job.Epoch, "a"));
        _clock.Advance(s_times.Lease + TimeSpan.FromMinutes(4));
        Assert.Empty(_jobs.Sweep());
    }

    [Theory]
    [InlineData("keep_replacement", RunStanding.Late, RunStanding.Current)]
    [InlineData("keep_both", RunStanding.Current, RunStanding.Current)]
    [InlineData("keep_original", RunStanding.Current, RunStanding.Late)]
    public void LostMachine_ThatComesBack_IsReconciledAsTheSuiteSays(string reconcile, RunStanding original, RunStanding replacement)
    {
        Add($"{{ machines: [a], lost_after: 5m, replace: true, reconcile: {reconcile} }}", "a");
        Job first = Claimed(Machine("a"), "q1");
        _jobs.Begin(first, first.Epoch, "a", "run-1");
        _clock.Advance(s_times.Lease + TimeSpan.FromMinutes(6));
        Assert.Single(_jobs.Sweep());
        Job second = Claimed(Machine("b"), "q2");
        Assert.Null(second.RunId);
        Assert.Equal(RunStanding.Current, _jobs.Begin(second, second.Epoch, "b", "run-2"));

        Assert.Null(_jobs.Renew(first.Id, first.Epoch, "a"));
        _jobs.Begin(first, first.Epoch, "a", "run-1");
        Assert.Equal(reconcile == "keep_original", !_jobs.End(first.Id, "a", new AgentEnd(first.Epoch, "done", null, "run-1"))
            && _jobs.Find(first.Id)?.State == JobState.Done);
        _jobs.End(second.Id, "b", new AgentEnd(second.Epoch, "done", null, "run-2"));

        Job job = Assert.IsType<Job>(_jobs.Find(first.Id));
        Assert.Equal(JobState.Done, job.State);
        Assert.Equal(reconcile == "keep_original" ? "run-1" : "run-2", job.RunId);
        Assert.Equal(original, _jobs.Run("run-1")?.Standing);
        Assert.Equal(replacement, _jobs.Run("run-2")?.Standing);
    }

    [Fact]
    public void Sweep_WithoutReplace_LeavesALostJobToItsMachine()
    {
        Add("{ machines: [a], lost_after: 5m }", "a");
        Job first = Claimed(Machine("a"), "q1");
        _jobs.Begin(first, first.Epoch, "a", "run-1");
        _clock.Advance(TimeSpan.FromDays(3));

        Assert.Empty(_jobs.Sweep());
        Assert.Null(_jobs.Claim(Machine("b"), "b", "q2"));
        Assert.Equal("run-1", Claimed(Machine("a"), "q3").RunId);
    }

    [Fact]
    public void DeadMachine_StarvesNobody()
    {
        Add("{ machines: [a, b], lost_after: 5m, replace: true }", "a", "b");
        Machine c = Machine("c");
        Assert.Null(_jobs.Claim(c, c.Instance, "q1"));
        Assert.NotNull(_jobs.Claim(Machine("b"), "b", "q2"));

        _clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Contains("a hasn't been heard of for 6 min",
            Assert.Single(_jobs.Sweep(), s => s.Contains(" a hasn't", StringComparison.Ordinal)));
        Assert.NotNull(_jobs.Claim(Machine("c"), "c", "q3"));
    }

    [Fact]
    public void Labels_AreKept_AndAMachineMakesNoSecondRunInAnothersPlace()
    {
        Add("{ labels: [site=here, memory>=16GiB], any: true }", [null]);
        Machine poor = Machine("poor", "site=here", "memory=8589934592");
        Machine rich = Machine("rich", "site=here", "memory=68719476736");

        Assert.Null(_jobs.Claim(poor, poor.Instance, "q1"));
        Assert.NotNull(_jobs.Claim(rich, rich.Instance, "q2"));
    }

    [Fact]
    public void Priority_GoesFirst_AndADrainedMachineOrAPausedLabGetsNothing()
    {
        Add("{ machines: [a], priority: -1 }", "a");
        Add("{ machines: [a], priority: 5 }", "a");
        Machine a = Machine("a");
        _machines.SetDrained("a", true, "new fan", "test");
        Assert.Null(_jobs.Claim(Machine("a"), a.Instance, "q1"));
        _machines.SetDrained("a", false, "", "test");

        var pause = new LabPause(new LabSettings(_database, new AuditLog(_database, _clock)));
        pause.Pause("power", "test");
        Assert.Null(_jobs.Claim(Machine("a"), a.Instance, "q1"));
        pause.Resume("test");
        pause.Add(new MaintenanceWindow("a", "0 13 * * *", "Europe/Berlin", 30), "test"); // 12:00 UTC, and it is half a minute later
        Assert.Null(_jobs.Claim(Machine("a"), a.Instance, "q1"));
        Assert.Throws<RequestException>(() => pause.Add(new MaintenanceWindow("a", "0 13 * *", "UTC", 30), "test"));
        _clock.Advance(TimeSpan.FromMinutes(30));

        Job job = Claimed(Machine("a"), "q2");

        Assert.Equal(5, job.Placement.Priority);
        Assert.Equal("a", pause.Remove(1, "test").Machine);
        Assert.Empty(pause.Windows);
    }

    [Fact]
    public void UnfitMachine_GetsNothing_AndItsJobsGoElsewhereWhereTheSuiteSaysSo()
    {
        Add("{ machines: [a], lost_after: 5m, replace: true }", "a");
        Machine a = Machine("a");
        _machines.SetUnfit("a", "throttled for heat 3 times");
        Assert.Null(_jobs.Claim(Machine("a"), a.Instance, "q1"));
        _clock.Advance(TimeSpan.FromMinutes(4));
        _machines.SetUnfit("a", "throttled for heat 9 times");
        Assert.Empty(_jobs.Sweep());
        _machines.SetUnfit("a", null);
        _clock.Advance(TimeSpan.FromMinutes(4));
        Machine("a");
        Assert.Empty(_jobs.Sweep()); // it recovered meanwhile

        _machines.SetUnfit("a", "it computes at 50 % of its usual speed");
        _clock.Advance(TimeSpan.FromMinutes(6));
        Machine("a"); // alive, and unfit all the same
        Assert.Contains("a has been unfit for 6 min", Assert.Single(_jobs.Sweep()), StringComparison.Ordinal);
        Machine b = Machine("b");
        Assert.NotNull(_jobs.Claim(b, b.Instance, "q2"));
    }

    [Fact]
    public void AgentOfAnotherVersion_IsRefused_AndShownAsUnfit()
    {
        Machine("a");

        RequestException e = Assert.Throws<RequestException>(
            () => _machines.Welcome("a", "key", new AgentHello(AgentHello.Current + 1, "9.9", "a", []), "1.0"));

        Assert.Contains("speaks version 2 of the agents' messages, the server's (1.0) version 1", e.Message, StringComparison.Ordinal);
        Assert.Contains("9.9 speaks version 2", _machines.Find("a")?.Unfit?.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Cancel_EndsWhatWaits_AndAsksWhatRuns()
    {
        Add("{ machines: [a, b] }", "a", "b");
        Job job = Claimed(Machine("a"), "q1");
        _jobs.Cancel(job.Occurrence);

        Assert.True(_jobs.Renew(job.Id, job.Epoch, "a")?.Cancel);
        Assert.Equal(JobState.Cancelled, _jobs.Of(job.Occurrence).Single(j => j.Target == "b").State);
        _clock.Advance(s_times.Lease + TimeSpan.FromSeconds(1));
        Assert.Single(_jobs.Sweep());
        Assert.Equal(JobState.Cancelled, _jobs.Find(job.Id)?.State);
    }

    [Fact]
    public void Run_OfAnotherJobOrMachine_IsRefused()
    {
        Add("{ machines: [a, b] }", "a", "b");
        Job a = Claimed(Machine("a"), "q1");
        Job b = Claimed(Machine("b"), "q2");
        _jobs.Begin(a, a.Epoch, "a", "run-1");

        Assert.Throws<RequestException>(() => _jobs.Begin(b, b.Epoch, "b", "run-1"));
        Assert.Equal(RunStanding.Late, _jobs.Begin(a, a.Epoch, "b", "run-2"));
    }

    [Fact]
    public void Adopt_TakesWhatNobodyHas_OnceHoweverOftenItIsTold()
    {
        Add("{ machines: [a] }", "a");
        Machine a = Machine("a");
        string id = Assert.Single(_jobs.Open()).Id;

        long epoch = _jobs.Adopt(id, "a", a.Instance, "run-1");

        Assert.Equal(epoch, _jobs.Adopt(id, "a", a.Instance, "run-1"));
        Assert.Equal((JobState.Leased, "run-1"), (_jobs.Find(id)!.State, _jobs.Find(id)!.RunId));
        Assert.Equal(0, _jobs.Adopt(id, "a", a.Instance, "run-2")); // there is one already: late
        Assert.Equal(RunStanding.Late, _jobs.Run("run-2")?.Standing);
    }

    [Fact]
    public async Task ManyAgentsAtOnce_NeverShareAJob_AndNoneHasTwo()
    {
        for (int i = 0; i < 12; i++) Add("{ any: true }", [null]);
        Machine[] machines = [.. Enumerable.Range(0, 8).Select(i => Machine($"m{i}"))];
        var given = new ConcurrentBag<(string Machine, string Job)>();

        await Task.WhenAll(machines.Select(m => Task.Run(() =>
        {
            for (int i = 0; i < 3; i++)
            {
                // The same question until the job has ended, as an agent asks it.
                if (_jobs.Claim(m, m.Instance, "q") is { } job) given.Add((m.Name, job.Id));
            }
        })));

        Assert.Equal(8, given.Select(g => g.Job).Distinct().Count());
        Assert.All(given.GroupBy(g => g.Machine), g => Assert.Single(g.Select(x => x.Job).Distinct()));
    }

    private Job Claimed(Machine machine, string claim) =>
        _jobs.Claim(machine, machine.Instance, claim) ?? throw new InvalidOperationException("no job waits for it");

    private Machine Machine(string name, params string[] labels)
    {
        _machines.Welcome(name, "key", new AgentHello(AgentHello.Current, "1.0", name, [.. labels]), "1.0");
        return _machines.Find(name) ?? throw new InvalidOperationException("it was just welcomed");
    }

    private void Add(string placement, params string?[] targets)
    {
        Suite suite = SuiteLoader.Parse(
            $$"""
            suite: tiny
            models: [{ id: reference, source: ./m }]
            variants: [gguf:F16]
            backends: [toy/cpu]
            workloads: [load]
            placement: {{placement}}
            """, "tiny.yaml", _directory.Path, EngineCatalog.None);
        int number = _jobs.Latest(1000).Select(j => (int)j.Occurrence).DefaultIfEmpty(0).Max() + 1;
        _jobs.Add(number, $"tiny-{number}", suite, [], [], targets);
    }
}

/// <summary>On <c>lab.db</c>.</summary>
public sealed class SqliteJobStoreTests() : JobStoreTests(null);

/// <summary>On PostgreSQL, where there is one.</summary>
public sealed class PostgresJobStoreTests() : JobStoreTests(PostgresServer.Missing is null
    ? StoreAddress.Parse(PostgresServer.Shared.AddressOf(PostgresServer.Shared.NewDatabase())) : null);
