using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Notes;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Reviews;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;
using QuantBench.Results.Store;
using QuantBench.TestKit;
using QuantBench.TestKit.Databases;

namespace QuantBench.Lab.Tests.State;

/// <summary>A lab's state in PostgreSQL is what it was in <c>lab.db</c>, and everything that is done to it does the same.</summary>
public sealed class SharedLabTests : IDisposable
{
    private readonly EarlierResults _earlier = new();
    private readonly TemporaryDirectory _other = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 12, 1, 0, 0, 0, TimeSpan.Zero));

    public void Dispose()
    {
        _earlier.Dispose();
        _other.Dispose();
    }

    [PostgresFact]
    public void Share_MovesALabThatIsReadAsBefore_AndASecondServerJoinsIt()
    {
        StoreAddress store = NewStore();
        string[] before;
        using (LabDatabase own = LabDatabase.Open(_earlier.Directory)) before = Everything(own);

        Assert.Equal(before.Length, Assert.IsType<int>(LabCopy.Share(_earlier.Directory, store)) - Uncounted);
        Assert.Null(LabCopy.Share(_other.Path, store));

        using LabDatabase shared = LabDatabase.Open(_earlier.Directory, store);
        using LabDatabase joined = LabDatabase.Open(_other.Path, store);
        Assert.True(shared.IsShared);
        Assert.Equal(before, Everything(shared));
        Assert.Equal(before, Everything(joined));
        // Without its address it is not mistaken for an empty one.
        Assert.Throws<StoreException>(() => LabDatabase.Open(_earlier.Directory));
        Assert.Throws<StoreException>(() => LabCopy.Share(_earlier.Directory, store));
    }

    [PostgresFact]
    public void Stores_WorkOnPostgreSql()
    {
        StoreAddress store = NewStore();
        LabCopy.Share(_other.Path, store);
        using LabDatabase database = LabDatabase.Open(_other.Path, store);
        var audit = new AuditLog(database, _clock);
        var accounts = new AccountStore(database);
        var keys = new ApiKeyStore(database, _clock);
        var schedules = new ScheduleStore(database, audit, _clock);
        var queue = new OccurrenceStore(database, _clock);

        Assert.True(accounts.AddFirst(new Account { Name = "ada", Normalized = "ADA", Role = Role.Admin, Created = _clock.GetUtcNow() }));
        Assert.False(accounts.AddFirst(new Account { Name = "eve", Normalized = "EVE", Role = Role.Admin, Created = _clock.GetUtcNow() }));
        Account ada = Assert.Single(accounts.List());
        ada.LockoutEnd = _clock.GetUtcNow();
        Assert.True(accounts.Update(ada));
        Assert.Equal(_clock.GetUtcNow(), accounts.FindByName("ADA")?.LockoutEnd);
        Assert.False(accounts.Remove(ada.Id)); // the last admin

        (string key, ApiKeyInfo info) = keys.Create("rack1", "ada", Role.Agent);
        Assert.Equal(Role.Agent, keys.Check(key)?.Role);
        Assert.Throws<RequestException>(() => keys.Create("rack1", "ada", Role.Agent)); // one key for a machine
        Assert.True(keys.Revoke(info.Id));
        Assert.Null(keys.Check(key));
        Assert.Throws<RequestException>(() => keys.Create("a/b", "ada", Role.Agent));

        schedules.Add("nightly", "/suites/quick.yaml", new SuiteSchedule(LabFixture.Cron("* * * * *"), CatchUp.Last), "ada");
        _clock.Advance(TimeSpan.FromSeconds(70));
        Assert.Equal(1, queue.Plan());
        Assert.Equal(0, queue.Plan());
        Occurrence due = Assert.Single(queue.Open());
        Assert.NotNull(queue.Claim(due.Id));
        queue.SetRun(due.Id, "run-1");
        queue.End(due.Id, OccurrenceState.Done, null);
        Assert.Equal(OccurrenceState.Done, queue.OfRun("run-1")?.State);
        Assert.Single(queue.Latest("nightly"));
        Assert.Equal(queue.RequestOnce("/s.yaml", "hook-1", "hook").Asked.Id, queue.RequestOnce("/s.yaml", "hook-1", "hook").Asked.Id);
        queue.Cancel(queue.RequestOnce("/s.yaml", "hook-1", "hook").Asked.Id);

        new RunNotes(database, audit).Set("run-1", new RunNote("slow_100%", ["a"]), "ada");
        var settings = new LabSettings(database, audit);
        settings.Set("x", "1", "ada");
        settings.Set("x", null, "ada");
        Assert.Null(settings.Get("x"));
        Assert.Equal("run.note", Assert.Single(audit.Read("RUN.NOTE")).Action);
        Assert.Empty(audit.Read("run%note"));
        Assert.Single(audit.Read(most: 1, before: audit.Read()[0].Id));
        Assert.ThrowsAny<System.Data.Common.DbException>(() => database.Execute("DELETE FROM audit"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Backup_IsRestored_IntoEitherSystem(bool shared)
    {
        if (shared && PostgresServer.Missing is not null) return;
        using LabDatabase from = LabDatabase.Open(_earlier.Directory);
        StoreAddress? store = shared ? NewStore() : null;
        if (store is not null) LabCopy.Share(_other.Path, store);
        using LabDatabase to = LabDatabase.Open(_other.Path, store);
        using var copy = new MemoryStream();

        int rows = LabCopy.Write(from, copy);
        copy.Position = 0;

        Assert.Equal(rows, LabCopy.Read(to, copy));
        Assert.Equal(Everything(from), Everything(to));
        // What is made next gets a number of its own.
        new AuditLog(to, _clock).Write("ada", "test", "x");
        Assert.Equal(Everything(from).Length + 1, Everything(to).Length);
        copy.Position = 0;
        Assert.Throws<StoreException>(() => LabCopy.Read(to, copy)); // into a lab that is there
    }

    [Fact]
    public void Restore_Refuses_WhatIsNoCopy()
    {
        using LabDatabase database = LabDatabase.Open(_other.Path);

        Assert.Throws<StoreException>(() => LabCopy.Read(database, new MemoryStream("no gzip"u8.ToArray())));
        foreach (string line in (string[])["{}", """{"kind":"quantbench-lab","version":2}""",
            """
            {"kind":"quantbench-lab","version":1}
            {"table":"accounts; DROP TABLE audit","row":{}}
            """,
            """
            {"kind":"quantbench-lab","version":1}
            {"table":"settings","row":{"name) VALUES ('x', 'y') --":"1"}}
            """])
        {
            using var copy = new MemoryStream();
            using (var gzip = new System.IO.Compression.GZipStream(copy, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
                gzip.Write(System.Text.Encoding.UTF8.GetBytes(line));
            copy.Position = 0;
            Assert.Throws<StoreException>(() => LabCopy.Read(database, copy));
        }

        Assert.Empty(database.Query(r => r.GetString(0), "SELECT name FROM settings"));
    }

    // Of the tables that Everything leaves out.
    private int Uncounted { get; set; }

    private static StoreAddress NewStore() => StoreAddress.Parse(PostgresServer.Shared.AddressOf(PostgresServer.Shared.NewDatabase()));

    private string[] Everything(LabDatabase database)
    {
        Uncounted = (int)database.Query(r => r.GetInt64(0),
            "SELECT (SELECT count(*) FROM suite_approvals) + (SELECT count(*) FROM ended_logins) + (SELECT count(*) FROM settings)")[0];
        return
        [
            .. new AccountStore(database).List().Select(a => $"{a.Id} {a.Name} {a.Role} {a.PasswordHash} {a.Stamp} {a.Created:O}"),
            .. new ApiKeyStore(database, _clock).List().OrderBy(k => k.Id, StringComparer.Ordinal).Select(k => k.ToString()),
            .. new ScheduleStore(database, new AuditLog(database, _clock), _clock).List().OrderBy(s => s.Name, StringComparer.Ordinal)
                .Select(s => $"{s.Name} {s} {s.Planned:O}"),
            .. new OccurrenceStore(database, _clock).Latest(most: 1000).Select(o => $"{o.Id} {o.Key} {o.State} {o.RunId} {o.Message}"),
            .. new AuditLog(database, _clock).Read(most: 1000).Select(e => e.ToString()),
            .. new RunNotes(database, new AuditLog(database, _clock)).All().OrderBy(n => n.Key, StringComparer.Ordinal)
                .Select(n => $"{n.Key} {n.Value.Note} {string.Join(',', n.Value.Tags)}"),
            .. new ChangeReviews(database, new AuditLog(database, _clock), _clock).All().Values.Select(r => r.ToString())
                .Order(StringComparer.Ordinal),
        ];
    }
}
