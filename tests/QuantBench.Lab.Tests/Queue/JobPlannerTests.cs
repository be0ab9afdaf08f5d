using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.State;
using QuantBench.Lab.Suites;
using QuantBench.Results.Store;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Queue;

/// <summary>How queued runs become jobs of machines, and end with them.</summary>
public sealed class JobPlannerTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 1, 12, 0, 30, TimeSpan.Zero));
    private readonly LabDatabase _database;
    private readonly AuditLog _audit;
    private readonly OccurrenceStore _queue;
    private readonly ScheduleStore _schedules;
    private readonly MachineStore _machines;
    private readonly JobStore _jobs;
    private readonly ResultStore _results;
    private readonly JobPlanner _planner;

    public JobPlannerTests()
    {
        _database = LabDatabase.Open(_directory.Path);
        _audit = new AuditLog(_database, _clock);
        _queue = new OccurrenceStore(_database, _clock);
        _schedules = new ScheduleStore(_database, _audit, _clock);
        _machines = new MachineStore(_database, _audit, _clock);
        _jobs = new JobStore(_database, _audit, _clock, LeaseTimes.Default);
        _results = ResultStore.Open(_directory.Path);
        var options = new LabOptions { ResultsRoot = _directory.Path, SuitesDirectory = _directory.Path, CacheRoot = _directory.Path };
        _planner = new JobPlanner(_queue, _schedules, _jobs, _machines, new ResultTaker(_jobs, _results), new JobSignal(),
            new SuiteApprovals(_database, _audit, _clock, _directory.Path), options, _clock, NullLogger<JobPlanner>.Instance);
    }

    public void Dispose()
    {
        _results.Dispose();
        _database.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Take_LeavesSuitesWithoutPlacementToTheServer()
    {
        Assert.False(_planner.Take(_queue.Request(Suite(null), "test")));
        Assert.False(_planner.Take(_queue.Request(_directory.Combine("absent.yaml"), "test")));
        Assert.Empty(_jobs.Open());
    }

    [Fact]
    public void Take_FansOutToLivingMachinesWithTheLabels_AndTheRunEndsWithItsJobs()
    {
        Occurrence asked = _queue.Request(Suite("{ labels: [site=here] }"), "test");
        Assert.True(_planner.Take(asked)); // waits: there is no machine yet
        Assert.Empty(_jobs.Open());
        Machine("a", "site=here");
        Machine("b", "site=here");
        Machine("c", "site=there");

        Assert.True(_planner.Take(asked));
        Assert.True(_planner.Take(asked)); // however often it is looked at

        Assert.Equal(["a", "b"], _jobs.Open().Select(j => j.Target).Order());
        foreach (string machine in (string[])["a", "b"])
        {
            Job job = _jobs.Claim(Machine(machine, "site=here"), machine, "q" + machine)!;
            Assert.Contains("queue:" + asked.Key, job.Tags);
            (string state, string? why) = machine == "a" ? ("done", null) : ("failed", "no disk");
            _jobs.End(job.Id, machine, new AgentEnd(job.Epoch, state, why, null));
        }

        _planner.Take(_queue.Find(asked.Id)!);
        Assert.Equal((OccurrenceState.Failed, "b: no disk"), (_queue.Find(asked.Id)!.State, _queue.Find(asked.Id)!.Message));
    }

    [Fact]
    public void Take_RefusesASuiteThatNobodyApproved()
    {
        string file = Suite("{ machines: [a] }", model: "/etc");

        Assert.True(_planner.Take(_queue.Request(file, "test")));

        Occurrence refused = Assert.Single(_queue.Latest());
        Assert.Equal(OccurrenceState.Failed, refused.State);
        Assert.Contains("needs an admin's approval", refused.Message, StringComparison.Ordinal);
        Assert.Empty(_jobs.Open());
    }

    [Fact]
    public void Take_GivesABusyMachineNoLaterTimeOfItsSchedule_AndCancelReachesTheJobs()
    {
        string file = Suite("{ machines: [a, b] }");
        _schedules.Add("tiny", file, new SuiteSchedule(LabFixture.Cron("* * * * *"), CatchUp.All), "test");
        Machine("a");
        Machine("b");
        Occurrence first = Planned();
        Assert.True(_planner.Take(first));
        Job job = _jobs.Claim(Machine("a"), "a", "q1")!;
        _jobs.End(job.Id, "a", new AgentEnd(job.Epoch, "done", null, null));

        Occurrence second = Planned();
        Assert.True(_planner.Take(second));
        Assert.Equal(["a"], _jobs.Of(second.Id).Select(j => j.Target));

        _queue.Cancel(first.Id);
        _planner.Take(_queue.Find(first.Id)!);
        Assert.Equal(JobState.Cancelled, _jobs.Of(first.Id).Single(j => j.Target == "b").State);
        _planner.Take(_queue.Find(first.Id)!);
        Assert.Equal(OccurrenceState.Cancelled, _queue.Find(first.Id)!.State);
    }

    [Fact]
    public void Adopt_MakesARunWithoutALinkTheOneThatTheScheduleWanted()
    {
        string file = Suite("{ machines: [a, b] }");
        _schedules.Add("tiny", file, new SuiteSchedule(LabFixture.Cron("* * * * *"), CatchUp.Last), "test");
        Machine a = Machine("a");
        Assert.Equal("tiny", Assert.Single(_planner.SchedulesOf(a)).Name);
        Assert.Empty(_planner.SchedulesOf(Machine("c")));
        Occurrence due = Planned();
        var adopt = new AgentAdopt("a", "tiny", due.Due, "20260301-120100-tiny-0f3a");

        AdoptAnswer answer = _planner.Adopt(a, adopt);

        Assert.Equal(answer, _planner.Adopt(a, adopt)); // told again
        Assert.Equal((JobState.Leased, adopt.RunId), (_jobs.Find(answer.Job)!.State, _jobs.Find(answer.Job)!.RunId));
        Assert.Equal(["a", "b"], _jobs.Of(due.Id).Select(j => j.Target).Order()); // the other machine has its own
        Assert.Throws<RequestException>(() => _planner.Adopt(Machine("c"), adopt));
        Assert.Throws<RequestException>(() => _planner.Adopt(a, adopt with { Due = due.Due.AddSeconds(7) }));
        Assert.Throws<RequestException>(() => _planner.Adopt(a, adopt with { Schedule = "other" }));
    }

    private Occurrence Planned()
    {
        _clock.Advance(TimeSpan.FromMinutes(1));
        _queue.Plan();
        return _queue.Latest("tiny")[0];
    }

    private Machine Machine(string name, params string[] labels)
    {
        _machines.Welcome(name, "key", new AgentHello(AgentHello.Current, "1.0", name, [.. labels]), "1.0");
        return _machines.Find(name) ?? throw new InvalidOperationException("it was just welcomed");
    }

    private string Suite(string? placement, string model = "./m")
    {
        string file = _directory.Combine("tiny.yaml");
        File.WriteAllText(file, $$"""
            suite: tiny
            models: [{ id: reference, source: {{model}} }]
            variants: [gguf:F16]
            backends: [toy/cpu]
            workloads: [load]
            {{(placement is null ? "" : "placement: " + placement)}}
            """);
        return file;
    }
}
