using System.Net;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Hosting;
using QuantBench.Dashboard.Queries;
using QuantBench.Lab.Notes;
using QuantBench.Lab.Reviews;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;
using QuantBench.Results.Store;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests.Hosting;

public sealed class ServerSettingsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 12, 25, 12, 0, 0, TimeSpan.Zero));
    private readonly LabDatabase _database;
    private readonly AuditLog _audit;
    private readonly ServerSettings _settings;

    public ServerSettingsTests()
    {
        _database = LabDatabase.Open(_directory.Path);
        _audit = new AuditLog(_database, _clock);
        _settings = new ServerSettings(new LabSettings(_database, _audit));
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Co2_IsEnergyTimesIntensity()
    {
        _settings.SetCo2("360", "ada");

        // One kilowatt-hour is 3.6 million joules: 360 g per kWh are 0.1 mg per joule.
        Assert.Equal(0.0001, _settings.Co2Grams(1) ?? 0, 9);
        _settings.SetCo2(" ", "ada");
        Assert.Null(_settings.Co2Grams(1));
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("lots")]
    [InlineData("1e9")]
    public void Co2_Refuses_WhatIsNoIntensity(string text) => Assert.Throws<RequestException>(() => _settings.SetCo2(text, "ada"));

    [Theory]
    [InlineData("5")] // too few to compare with
    [InlineData("1.5")]
    [InlineData("-90")]
    public void Retention_Refuses_WhatIsNoNumberOfDays(string text) =>
        Assert.Throws<RequestException>(() => _settings.SetRetention(text, "ada"));

    [Theory]
    [InlineData("*", "0.0.0.0")]
    [InlineData("localhost", "127.0.0.1")]
    [InlineData("192.0.2.7", "192.0.2.7")]
    public void Listen_IsReadAtTheNextStart(string text, string expected)
    {
        _settings.SetListen(text, "ada");

        Assert.Equal(IPAddress.Parse(expected), ServerSettings.ListenOf(_directory.Path));
        Assert.Throws<RequestException>(() => _settings.SetListen("example.com", "ada"));
    }

    [Fact]
    public void Listen_IsNothing_WhereNothingWasSet()
    {
        Assert.Null(ServerSettings.ListenOf(_directory.Path));
        Assert.Null(ServerSettings.ListenOf(_directory.Combine("nowhere")));
    }

    [Fact]
    public async Task Sweep_RemovesOldRuns_ButNotTheNewestAndNotWhatIsTagged()
    {
        const int nights = 3;
        DriftRuns.Record(_directory.Path, DriftRuns.Make().Take(2 * nights));
        using ResultStore store = Indexed();
        var notes = new RunNotes(_database, _audit);
        notes.Set(DriftRuns.Id(0, DriftRuns.SlowMachine), new RunNote("the first", [RetentionSweeper.KeepTag]), "ada");
        var sweeper = new RetentionSweeper(store, _settings, notes, _audit, _clock, NullLogger<RetentionSweeper>.Instance);

        Assert.Empty(await sweeper.SweepAsync(CancellationToken.None)); // off unless set
        _settings.SetRetention("30", "ada");
        IReadOnlyList<string> removed = await sweeper.SweepAsync(CancellationToken.None);

        // All nights are older than thirty days; of each machine the newest stays, and of one the tagged.
        Assert.Equal((2 * nights) - 3, removed.Count);
        string[] left = [.. Directory.EnumerateDirectories(_directory.Path, "2026*").Select(d => Path.GetFileName(d)).Order()];
        Assert.Equal(
            new[] { DriftRuns.Id(0, DriftRuns.SlowMachine), DriftRuns.Id(nights - 1, DriftRuns.SlowMachine),
                DriftRuns.Id(nights - 1, DriftRuns.SteadyMachine) }.Order(), left);
        await using StoreContext context = store.OpenContext();
        Assert.Equal(left, context.Runs.Select(r => r.Id).Order().ToArray());
        Assert.Equal(left.Length * 2, context.Cells.Count());
        Assert.Equal(removed.Count, _audit.Read(contains: "run.remove").Length);
        Assert.Empty(await sweeper.SweepAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Sweep_FollowsNoRow_OutOfTheResults()
    {
        DriftRuns.Record(_directory.Path, DriftRuns.Make().Take(4));
        using ResultStore store = Indexed();
        string outside = Directory.CreateTempSubdirectory("quantbench-outside").FullName;
        await File.WriteAllTextAsync(Path.Combine(outside, "run.json"), "{}");
        await using (StoreContext context = store.OpenContext())
        {
            await context.Runs.ExecuteUpdateAsync(s => s.SetProperty(r => r.Folder, outside));
        }

        _settings.SetRetention("30", "ada");
        var sweeper = new RetentionSweeper(store, _settings, new RunNotes(_database, _audit), _audit, _clock,
            NullLogger<RetentionSweeper>.Instance);

        Assert.Empty(await sweeper.SweepAsync(CancellationToken.None));
        Assert.True(Directory.Exists(outside));
        Directory.Delete(outside, recursive: true);
    }

    [Fact]
    public async Task Counter_CountsWhatNobodyAcknowledged()
    {
        DriftRuns.Record(_directory.Path,
            DriftRuns.Make(_clock.GetUtcNow().AddDays(-20)).Where(r => r.Info.Fingerprint.MachineId == DriftRuns.SlowMachine));
        using ResultStore store = Indexed();
        var reviews = new ChangeReviews(_database, _audit, _clock);
        using var counter = new ReviewCounter(store, reviews, _clock, NullLogger<ReviewCounter>.Instance);

        await counter.CountAsync(CancellationToken.None);

        // Both variants of the slow machine, in generation speed, prompt speed and time to first token.
        Assert.Equal([("tg_tps", 2), ("pp_tps", 2), ("ttft", 2)], counter.Open.AsEnumerable());
        reviews.Acknowledge(counter.Found("tg_tps")[0], "governor", "ada");
        counter.Recount();
        Assert.Equal(5, counter.Total);
    }

    private ResultStore Indexed()
    {
        ResultStore store = ResultStore.Open(_directory.Path);
        StoreCatchUp.Run(store);
        return store;
    }
}
