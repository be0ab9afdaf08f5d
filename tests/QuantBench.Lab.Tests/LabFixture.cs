using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Suites;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.State;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests;

/// <summary>A lab's database in a fresh directory, with a clock the test moves.</summary>
internal sealed class LabFixture : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public LabFixture()
    {
        Clock = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 30, TimeSpan.Zero));
        Database = LabDatabase.Open(_directory.Path);
        Audit = new AuditLog(Database, Clock);
        Schedules = new ScheduleStore(Database, Audit, Clock);
        Queue = new OccurrenceStore(Database, Clock);
    }

    public FakeTimeProvider Clock { get; }

    public LabDatabase Database { get; }

    public AuditLog Audit { get; }

    public ScheduleStore Schedules { get; }

    public OccurrenceStore Queue { get; }

    public string Path => _directory.Path;

    public static CronTimes Cron(string text, string? zone = null)
    {
        Assert.True(CronTimes.TryParse(text, zone, out CronTimes? times, out string? problem), problem);
        return times;
    }

    public Schedule Add(string cron, CatchUp catchUp = CatchUp.Last, string name = "nightly") =>
        Schedules.Add(name, "/suites/quick.yaml", new SuiteSchedule(Cron(cron), catchUp), "test");

    /// <summary>Runs what is due to its end, as the queue's worker would.</summary>
    public void FinishAll()
    {
        foreach (Occurrence open in Queue.Open())
        {
            if (Queue.Claim(open.Id) is { } claimed) Queue.End(claimed.Id, OccurrenceState.Done, null);
        }
    }

    public void Dispose() => _directory.Dispose();
}
