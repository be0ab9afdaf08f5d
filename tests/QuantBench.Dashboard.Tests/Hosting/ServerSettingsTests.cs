using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Hosting;
using QuantBench.Dashboard.Queries;
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

    [Theory]
    [InlineData("5")] // too few to compare with
    [InlineData("1.5")]
    [InlineData("-90")]
    public void Retention_Refuses_WhatIsNoNumberOfDays(string text) =>
        Assert.Throws<RequestException>(() => _settings.SetRetention(text, "ada"));

    [Theory]
    [InlineData("192.0.2.7")] // another machine's
    [InlineData("2001:db8::7")]
    [InlineData("nowhere")]
    [InlineData("5000")] // a port; the parser makes 0.0.19.136 of it
    [InlineData("[::ffff:127.0.0.1]:5000")] // its port would be dropped
    [InlineData("[::1]")]
    public void Listen_Refuses_WhatIsNoAddressOfThisMachine(string text)
    {
        Assert.Throws<RequestException>(() => _settings.SetListen(text, "ada"));
        Assert.Null(_settings.Listen);
    }

    [Theory]
    [InlineData("*", "0.0.0.0")]
    [InlineData("localhost", "127.0.0.1")]
    [InlineData("::ffff:127.0.0.1", "127.0.0.1")] // the same address in the other spelling
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
    public void Counter_CountsWhatNobodyAcknowledged()
    {
        DriftRuns.Record(_directory.Path,
            DriftRuns.Make(_clock.GetUtcNow().AddDays(-20)).Where(r => r.Info.Fingerprint.MachineId == DriftRuns.SlowMachine));
        using ResultStore store = Indexed();
        var reviews = new ChangeReviews(_database, _audit, _clock);
        using var counter = new ReviewCounter(store, reviews, _clock, NullLogger<ReviewCounter>.Instance);

        counter.Count();

        // Both variants of the slow machine, in generation speed, prompt speed and time to first token.
        Assert.Equal([("tg_tps", 2), ("pp_tps", 2), ("ttft", 2)], counter.Open.AsEnumerable());
        reviews.Acknowledge(counter.Found("tg_tps")[0], "governor", "ada");
        counter.Recount();
        Assert.Equal(5, counter.Total);
    }

    private ResultStore Indexed()
    {
        ResultStore store = ResultStore.Open(_directory.Path);
        store.CatchUp();
        return store;
    }
}
