using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Queue;

namespace QuantBench.Lab.Tests.Queue;

public sealed class OccurrenceStoreTests : IDisposable
{
    private readonly LabFixture _lab = new();

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void Plan_TakesEachMinuteOnce_WhenTheServerTicksEverySecond()
    {
        _lab.Add("* * * * *");

        for (int second = 0; second < 200; second++)
        {
            _lab.Clock.Advance(TimeSpan.FromSeconds(1));
            _lab.Queue.Plan();
            _lab.FinishAll();
        }

        // 12:00:30 + 200 s passes 12:01, 12:02 and 12:03.
        Assert.Equal(
            ["nightly@20260301T120300Z", "nightly@20260301T120200Z", "nightly@20260301T120100Z"], _lab.Queue.Latest().Select(o => o.Key));
        Assert.All(_lab.Queue.Latest(), o => Assert.Equal(OccurrenceState.Done, o.State));
    }

    [Fact]
    public void Plan_TakesNoTimeTwice_WhenTwoPlannersLookAtOnce()
    {
        _lab.Add("* * * * *", CatchUp.All);
        _lab.Clock.Advance(TimeSpan.FromMinutes(3));

        Parallel.For(0, 8, _ => _lab.Queue.Plan());

        Assert.Equal(3, _lab.Queue.Latest().Length);
    }

    [Theory]
    [InlineData(CatchUp.Last, "due missed missed missed")]
    [InlineData(CatchUp.All, "due due due due")]
    [InlineData(CatchUp.Skip, "missed missed missed missed")] // 12:05:30: the newest, 12:04, is 90 s late
    public void Plan_FollowsThePolicy_WhenTheServerWasDown(CatchUp policy, string newestFirst)
    {
        _lab.Add("1-4 12 * * *", policy);
        _lab.Clock.Advance(TimeSpan.FromMinutes(5));

        _lab.Queue.Plan();

        Assert.Equal(newestFirst, string.Join(' ', _lab.Queue.Latest().Select(o => o.State.ToString().ToLowerInvariant())));
    }

    [Fact]
    public void Plan_LetsALaterTimeOvertakeOneThatWaits_WhenOnlyTheLastCounts()
    {
        _lab.Add("* * * * *");
        _lab.Clock.Advance(TimeSpan.FromSeconds(40));
        _lab.Queue.Plan();
        _lab.Clock.Advance(TimeSpan.FromSeconds(60));
        _lab.Queue.Plan();

        Assert.Equal([OccurrenceState.Due, OccurrenceState.Missed], _lab.Queue.Latest().Select(o => o.State));
    }

    [Fact]
    public void Plan_LeavesARunningOneAlone_WhenALaterTimeComes()
    {
        _lab.Add("* * * * *");
        _lab.Clock.Advance(TimeSpan.FromSeconds(40));
        _lab.Queue.Plan();
        Assert.NotNull(_lab.Queue.Claim(_lab.Queue.Open()[0].Id));
        _lab.Clock.Advance(TimeSpan.FromSeconds(60));
        _lab.Queue.Plan();

        Assert.Equal([OccurrenceState.Due, OccurrenceState.Running], _lab.Queue.Latest().Select(o => o.State));
    }

    [Fact]
    public void Plan_TakesNothing_WhenPaused_AndNothingOfThePauseAfterwards()
    {
        _lab.Add("* * * * *", CatchUp.All);
        _lab.Schedules.SetPaused("nightly", true, "test");
        _lab.Clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(0, _lab.Queue.Plan());
        _lab.Schedules.SetPaused("nightly", false, "test");
        Assert.Equal(0, _lab.Queue.Plan());
        _lab.Clock.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(1, _lab.Queue.Plan());
    }

    [Fact]
    public void Claim_GivesAnEndedOccurrenceToNobody()
    {
        Occurrence asked = _lab.Queue.Request("/suites/quick.yaml", "test");
        Assert.NotNull(_lab.Queue.Claim(asked.Id));
        _lab.Queue.End(asked.Id, OccurrenceState.Done, null);

        Assert.Null(_lab.Queue.Claim(asked.Id));
    }

    [Fact]
    public void Claim_GivesARunningOneAgain_WhenAServerDied()
    {
        Occurrence asked = _lab.Queue.Request("/suites/quick.yaml", "test");
        _lab.Queue.Claim(asked.Id);
        _lab.Queue.SetRun(asked.Id, "run-1");

        Assert.Equal("run-1", _lab.Queue.Claim(asked.Id)?.RunId);
    }

    [Fact]
    public void Cancel_EndsOneThatWaits_AndAsksOneThatRuns()
    {
        Occurrence waits = _lab.Queue.Request("/suites/quick.yaml", "test");
        Occurrence runs = _lab.Queue.Request("/suites/quick.yaml", "test");
        _lab.Queue.Claim(runs.Id);

        _lab.Queue.Cancel(waits.Id);
        _lab.Queue.Cancel(runs.Id);

        Assert.Equal(OccurrenceState.Cancelled, _lab.Queue.Find(waits.Id)?.State);
        Assert.True(_lab.Queue.CancelAsked(runs.Id));
        Assert.Throws<RequestException>(() => _lab.Queue.Cancel(waits.Id));
    }

    [Fact]
    public void Between_GivesEachLocalTimeOnce_WhenClocksGoBack()
    {
        // Europe/Berlin, 2026-10-25: 03:00 summer time becomes 02:00; 02:30 comes twice on the wall.
        CronTimes cron = LabFixture.Cron("30 2 * * *", "Europe/Berlin");
        DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

        IReadOnlyList<DateTimeOffset> times = cron.Between(At("2026-10-24T12:00:00Z"), At("2026-10-26T12:00:00Z"), 10);

        Assert.Equal([At("2026-10-25T00:30:00Z"), At("2026-10-26T01:30:00Z")], times);
    }

    [Fact]
    public void Between_KeepsTheNewest_WhenThereAreTooMany()
    {
        CronTimes cron = LabFixture.Cron("* * * * *");
        DateTimeOffset noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

        Assert.Equal([noon.AddMinutes(9), noon.AddMinutes(10)], cron.Between(noon, noon.AddMinutes(10), 2));
    }
}
