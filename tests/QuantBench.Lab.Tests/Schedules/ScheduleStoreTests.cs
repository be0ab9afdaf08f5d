using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Schedules;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Schedules;

public sealed class ScheduleStoreTests : IDisposable
{
    private readonly LabFixture _lab = new();

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void Add_Refuses_WhenTheNameIsTaken()
    {
        _lab.Add("* * * * *");

        Assert.Throws<RequestException>(() => _lab.Add("0 * * * *"));
    }

    [Theory]
    [InlineData("Nightly")]
    [InlineData("../x")]
    [InlineData("")]
    public void Add_Refuses_WhenTheNameCantBeOne(string name) => Assert.Throws<RequestException>(() => _lab.Add("* * * * *", name: name));

    [Fact]
    public void Changes_AreAudited_AndTheAuditCantBeChanged()
    {
        _lab.Add("* * * * *");
        _lab.Schedules.SetPaused("nightly", true, "ada");
        _lab.Schedules.Remove("nightly", "ada");

        Assert.Equal(["schedule.remove", "schedule.pause", "schedule.add"], _lab.Audit.Read().Select(e => e.Action));
        Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => _lab.Database.Execute("UPDATE audit SET actor = 'nobody'"));
        Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => _lab.Database.Execute("DELETE FROM audit"));
        Assert.Equal(3, _lab.Audit.Read().Length);
    }

    [Fact]
    public void Follow_AddsChangesAndRemoves_AsSuitesSay()
    {
        string file = Path.Combine(_lab.Path, "night.yaml");
        void Write(string schedule) => File.WriteAllText(file, $$"""
            suite: night
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: [gguf:F32]
            backends: [managed/scalar]
            workloads: [load]
            {{schedule}}
            """);
        var none = new HashSet<string>();

        Write("schedule: { cron: '0 2 * * *', zone: Europe/Berlin, catch_up: skip }");
        _lab.Schedules.Follow([SuiteLoader.Load(file, EngineCatalog.None)], none);
        Schedule added = Assert.Single(_lab.Schedules.List());
        Write("schedule: { cron: '0 3 * * *' }");
        _lab.Schedules.Follow([SuiteLoader.Load(file, EngineCatalog.None)], none);
        Schedule changed = Assert.Single(_lab.Schedules.List());
        _lab.Schedules.Follow([], new HashSet<string> { file });
        Assert.Single(_lab.Schedules.List()); // unreadable for now: kept
        Write("");
        _lab.Schedules.Follow([SuiteLoader.Load(file, EngineCatalog.None)], none);

        Assert.Equal(("0 2 * * *", "Europe/Berlin", CatchUp.Skip, ScheduleSource.Suite),
            (added.Cron.Text, added.Cron.Zone.Id, added.CatchUp, added.Source));
        Assert.Equal(("0 3 * * *", CatchUp.Last), (changed.Cron.Text, changed.CatchUp));
        Assert.Empty(_lab.Schedules.List());
    }

    [Theory]
    [InlineData("schedule: { zone: UTC }", "no 'cron'")]
    [InlineData("schedule: { cron: 'every day' }", "not a cron expression")]
    [InlineData("schedule: { cron: '0 2 * * *', zone: Mars/Olympus }", "no time zone")]
    [InlineData("schedule: { cron: '0 2 * * *', catch_up: sometimes }", "catch_up")]
    [InlineData("schedule: { cron: '0 2 * * *', when: now }", "when")]
    public void Load_NamesTheLine_WhenAScheduleIsWrong(string schedule, string expected)
    {
        string file = Path.Combine(_lab.Path, "bad.yaml");
        File.WriteAllText(file, "suite: bad\n" + schedule + "\n");

        SuiteException e = Assert.Throws<SuiteException>(() => SuiteLoader.Load(file, EngineCatalog.None));

        Assert.Equal(2, e.Line);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }
}
