using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Alerts;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;
using QuantBench.Results.Store;
using QuantBench.TestKit;
using QuantBench.TestKit.Databases;

namespace QuantBench.Lab.Tests.Alerts;

/// <summary>What somebody hears of, and that it is once, on SQLite and on PostgreSQL.</summary>
public abstract class AlertTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 1, 12, 0, 30, TimeSpan.Zero));
    private readonly LabDatabase _database;
    private readonly OccurrenceStore _queue;
    private readonly MachineStore _machines;
    private readonly JobStore _jobs;
    private readonly AlertStore _alerts;
    private readonly AuditLog _audit;
    private readonly AlertRound _round;

    protected AlertTests(StoreAddress? shared)
    {
        if (shared is not null) LabCopy.Share(_directory.Path, shared);
        _database = LabDatabase.Open(_directory.Path, shared);
        _audit = new AuditLog(_database, _clock);
        _queue = new OccurrenceStore(_database, _clock);
        _machines = new MachineStore(_database, _audit, _clock);
        _jobs = new JobStore(_database, _audit, _clock, LeaseTimes.Default);
        _alerts = new AlertStore(_database, new LabSettings(_database, _audit), _audit, _clock);
        _round = new AlertRound(_alerts, [new LabAlerts(_queue, _jobs, _machines, _clock)], _clock, NullLogger<AlertRound>.Instance);
    }

    public void Dispose()
    {
        _database.Dispose();
        _directory.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Round_TellsEachThingOnce_ByWebhookAndMail()
    {
        using AlertReceiver hook = AlertReceiver.Webhook();
        using AlertReceiver mail = AlertReceiver.Mail();
        Fail("before");
        _clock.Advance(TimeSpan.FromSeconds(1));
        Set(hook, mail);

        await _round.RunAsync(CancellationToken.None);
        Assert.Empty(hook.Taken); // what happened before somebody asked

        string failed = Fail("2 of 27 cells failed");
        Hello("rack1");
        Hello("drained");
        _machines.SetDrained("drained", true, "", "test");
        _machines.SetUnfit("rack1", "throttled for heat 3 times");
        _clock.Advance(TimeSpan.FromMinutes(11));
        await _round.RunAsync(CancellationToken.None);
        await _round.RunAsync(CancellationToken.None);

        using JsonDocument told = JsonDocument.Parse(Assert.Single(hook.Taken));
        Assert.Equal([AlertKinds.RunFailed, AlertKinds.MachineUnfit, AlertKinds.MachineSilent],
            told.RootElement.GetProperty("alerts").EnumerateArray().Select(a => a.GetProperty("kind").GetString()));
        string text = told.RootElement.GetProperty("text").GetString()!;
        Assert.Contains($"run {failed} failed: 2 of 27 cells failed", text, StringComparison.Ordinal);
        Assert.Contains("machine rack1 is silent since 2026-03-01 12:00:31Z", text, StringComparison.Ordinal);
        string letter = Assert.Single(mail.Taken);
        Assert.Contains("Subject: QuantBench: 3 alerts, run", letter, StringComparison.Ordinal);
        Assert.Contains("To: ops@example.org", letter, StringComparison.Ordinal);
        Assert.Equal(3, _alerts.Latest().Count(a => a.Sent is not null));

        // Silent again is another silence.
        Hello("rack1");
        _machines.SetUnfit("rack1", null);
        _clock.Advance(TimeSpan.FromMinutes(11));
        await _round.RunAsync(CancellationToken.None);
        Assert.Equal(2, hook.Taken.Count);
    }

    [Fact]
    public async Task Round_TriesAgain_OneWayWithoutTheOther_ForADay()
    {
        using AlertReceiver hook = AlertReceiver.Webhook();
        using AlertReceiver mail = AlertReceiver.Mail();
        Set(hook, mail);
        mail.Refuses = true;
        Fail("no disk");

        await _round.RunAsync(CancellationToken.None);
        Assert.Contains("nobody of that name", Assert.Single(_alerts.Latest()).Problem, StringComparison.Ordinal);
        mail.Refuses = false;
        await _round.RunAsync(CancellationToken.None);
        Assert.Empty(mail.Taken); // not at every look
        _clock.Advance(TimeSpan.FromSeconds(31));
        await _round.RunAsync(CancellationToken.None);

        Assert.Single(mail.Taken);
        Assert.Single(hook.Taken);
        hook.Refuses = true;
        Fail("still no disk");
        await _round.RunAsync(CancellationToken.None);
        Assert.Equal("webhook: it answered 503", _alerts.Latest()[0].Problem);
        hook.Refuses = false;
        _clock.Advance(TimeSpan.FromHours(25));
        await _round.RunAsync(CancellationToken.None);
        Assert.Single(hook.Taken);
    }

    [Fact]
    public async Task Round_TellsOfMissedTimesAndQuarantinedJobs()
    {
        using AlertReceiver hook = AlertReceiver.Webhook();
        _alerts.Set(new AlertSettings { Webhook = new Uri($"http://127.0.0.1:{hook.Port}/") }.Checked(), "test");
        new ScheduleStore(_database, _audit, _clock)
            .Add("nightly", "/suites/quick.yaml", new SuiteSchedule(LabFixture.Cron("0 13 * * *"), CatchUp.Skip), "test");
        _clock.Advance(TimeSpan.FromHours(3)); // the server was down at one o'clock
        _queue.Plan();
        Occurrence asked = _queue.Request("/suites/tiny.yaml", "test");
        Hello("rack1");
        _jobs.Add(asked.Id, asked.Key, SuiteLoader.Parse(
            """
            suite: tiny
            models: [{ id: reference, source: ./m }]
            variants: [gguf:F16]
            backends: [toy/cpu]
            workloads: [load]
            placement: { machines: [rack1] }
            """, "tiny.yaml", _directory.Path, Core.Engines.EngineCatalog.None), [], [], ["rack1"]);
        for (int i = 0; i < 4; i++) _jobs.Claim(_machines.Find("rack1")!, "i", $"q{i}");

        await _round.RunAsync(CancellationToken.None);

        using JsonDocument told = JsonDocument.Parse(Assert.Single(hook.Taken));
        Assert.Equal([AlertKinds.RunMissed, AlertKinds.JobQuarantined],
            told.RootElement.GetProperty("alerts").EnumerateArray().Select(a => a.GetProperty("kind").GetString()));
    }

    [Fact]
    public void Settings_AreChecked_AndNoLogHoldsTheirSecrets()
    {
        _alerts.Set(new AlertSettings { Webhook = new Uri("https://chat.example/s3cret") }.Checked(), "ada");
        DateTimeOffset since = _alerts.Settings!.Since;
        _clock.Advance(TimeSpan.FromHours(1));
        _alerts.Set(new AlertSettings { Webhook = new Uri("https://chat.example/an0ther") }.Checked(), "ada");

        Assert.Equal(since, _alerts.Settings.Since); // a changed address hides nothing
        Assert.DoesNotContain(_audit.Read(), e => $"{e}".Contains("s3cret", StringComparison.Ordinal));
        AlertSettings mail = new AlertSettings { MailTo = ["ops@example.org"], MailFrom = "lab@example.org" }.WithMailServer("mx:587");
        Assert.Equal(("mx", 587), (mail.Checked().MailHost, mail.MailPort));
        Assert.Throws<RequestException>(() => new AlertSettings().Checked());
        Assert.Throws<RequestException>(() => (mail with { MailHost = null }).Checked());
        Assert.Throws<RequestException>(() => (mail with { MailTo = ["ops@example.org\nBcc: x@y"] }).Checked());
        Assert.Throws<RequestException>(() => (mail with { MailUser = "lab" }).Checked()); // in plain text
        Assert.Throws<RequestException>(() => mail.WithMailServer("mx/path"));
        _alerts.Set(null, "ada");
        Assert.Null(_alerts.Settings);
    }

    private void Set(AlertReceiver hook, AlertReceiver mail) => _alerts.Set(
        new AlertSettings
        {
            Webhook = new Uri($"http://127.0.0.1:{hook.Port}/hook"),
            MailTo = ["ops@example.org"],
            MailFrom = "lab@example.org",
        }.WithMailServer($"127.0.0.1:{mail.Port}").Checked(), "test");

    private string Fail(string why)
    {
        Occurrence asked = _queue.Request("/suites/tiny.yaml", "test");
        _queue.Claim(asked.Id);
        _queue.End(asked.Id, OccurrenceState.Failed, why);
        return asked.Key;
    }

    private void Hello(string name) => _machines.Welcome(name, "key", new AgentHello(AgentHello.Current, "1.0", "i", []), "1.0");
}

/// <summary>On <c>lab.db</c>.</summary>
public sealed class SqliteAlertTests() : AlertTests(null);

/// <summary>On PostgreSQL, where there is one.</summary>
public sealed class PostgresAlertTests() : AlertTests(PostgresServer.Missing is null
    ? StoreAddress.Parse(PostgresServer.Shared.AddressOf(PostgresServer.Shared.NewDatabase())) : null);
