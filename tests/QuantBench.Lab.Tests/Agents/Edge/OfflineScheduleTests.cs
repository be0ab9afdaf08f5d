using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Errors;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Agents.Edge;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Agents.Edge;

/// <summary>What a machine runs by itself without a link.</summary>
public sealed class OfflineScheduleTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 1, 2, 25, 0, TimeSpan.Zero);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(2)] // hours that the machine's clock is ahead
    [InlineData(-2)]
    public void Due_IsTheTimeThatTheServerWouldHaveTaken_Once_WhateverTheMachinesClockSays(int hours)
    {
        var clock = new FakeTimeProvider(s_now.AddHours(hours));
        using AgentJournal journal = AgentJournal.Open(_directory.Path);
        var offline = new OfflineSchedule(journal, clock);
        offline.Heard(Welcome(s_now, "30 2 * * *"));

        Assert.Null(offline.Due());
        clock.Advance(TimeSpan.FromMinutes(6));
        JournalEntry? due = offline.Due();

        Assert.Equal("nightly@20260301T023000Z", due?.Key);
        Assert.Equal(new DateTimeOffset(2026, 3, 1, 2, 30, 0, TimeSpan.Zero), due?.Due);
        Assert.Null(offline.Due());
        Assert.Null(new OfflineSchedule(journal, clock).Due()); // nor after a restart
    }

    [Fact]
    public void Due_WaitsForALease_AndTakesTheNewestOfTimesThatPassed()
    {
        var clock = new FakeTimeProvider(s_now);
        using AgentJournal journal = AgentJournal.Open(_directory.Path);
        var offline = new OfflineSchedule(journal, clock);
        Assert.Null(offline.Due()); // never heard of a server
        offline.Heard(Welcome(s_now, "* * * * * *"));

        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Null(offline.Due());
        clock.Advance(TimeSpan.FromSeconds(21));
        Assert.Equal("nightly@20260301T022620Z", offline.Due()?.Key);
        offline.Heard(Welcome(s_now.AddMinutes(10), "* * * * * *"));
        Assert.Null(offline.Due()); // what passed before the contact is the server's
    }

    [Fact]
    public void Journal_IsOneAgents_AndSurvivesARestart()
    {
        string instance;
        using (AgentJournal journal = AgentJournal.Open(_directory.Path))
        {
            instance = journal.Instance;
            Assert.Throws<RequestException>(() => AgentJournal.Open(_directory.Path));
            journal.Change("job", _ => new JournalEntry { Name = "job", Key = "k", Suite = "s", SuiteText = "t", RunId = "r", Sent = 3 });
            Assert.Null(journal.Change("other", _ => null));
        }

        using AgentJournal again = AgentJournal.Open(_directory.Path);
        Assert.Equal(instance, again.Instance);
        Assert.Equal(("r", 3), (Assert.Single(again.Entries()).RunId, again.Find("job")!.Sent));
        again.Remove("job");
        Assert.Empty(again.Entries());
    }

    private static AgentWelcome Welcome(DateTimeOffset now, string cron) =>
        new("m1", 60, 10, 20, now, [new AgentSchedule("nightly", cron, "UTC", "tiny", "suite: tiny")]);
}
