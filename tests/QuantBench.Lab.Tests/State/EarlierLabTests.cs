using Microsoft.AspNetCore.Identity;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Suites;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Notes;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Reviews;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.State;

/// <summary>A lab's database of an earlier build is read as it was written, and its tables are today's.</summary>
public sealed class EarlierLabTests : IDisposable
{
    private readonly EarlierResults _earlier = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 12, 1, 0, 0, 0, TimeSpan.Zero));

    public void Dispose() => _earlier.Dispose();

    [Fact]
    public void Accounts_AndKeysLetIn()
    {
        LabDatabase database = LabDatabase.Open(_earlier.Directory);
        var accounts = new AccountStore(database);
        var keys = new ApiKeyStore(database, _clock);

        Assert.Equal([("ada", Role.Admin), ("bob", Role.Viewer)], accounts.List().Select(a => (a.Name, a.Role)));
        Account ada = accounts.List()[0];
        Assert.Equal(PasswordVerificationResult.Success,
            new PasswordHasher<Account>().VerifyHashedPassword(ada, ada.PasswordHash, "compat-Passw0rd!"));
        Assert.Equal([("nightly", Role.Operator, false), ("old", Role.Viewer, true)],
            keys.List().OrderBy(k => k.Name).Select(k => (k.Name, k.Role, k.Revoked is not null)));
        Assert.Equal("nightly", keys.Check("qb__eKXERvDKwYbtbPsP6XvTDKSeStAkgH8_pH7M9LePws")?.Name);
        Assert.Null(keys.Check("qb_d8T2exGZ116XLKWSKbkfNIkwCgL7AOTdbY0EO9TDx2Y")); // revoked
    }

    [Fact]
    public void Schedules_AndQueueGoOn()
    {
        LabDatabase database = LabDatabase.Open(_earlier.Directory);
        var queue = new OccurrenceStore(database, _clock);

        Schedule[] schedules = [.. new ScheduleStore(database, new AuditLog(database, _clock), _clock).List().OrderBy(s => s.Name)];
        Occurrence ended = Assert.Single(queue.Latest());

        Assert.Equal(
            [("weekly", "30 2 * * *", "Europe/Berlin", CatchUp.Skip, false), ("yearly", "0 6 1 1 *", "UTC", CatchUp.Last, true)],
            schedules.Select(s => (s.Name, s.Cron.Text, s.Cron.Zone.Id, s.CatchUp, s.Paused)));
        Assert.All(schedules, s => Assert.Equal("/home/bench/quantbench/suites/compat.yaml", s.Suite));
        Assert.Equal(
            ("weekly@20261130T103521Z-68920f", "weekly", OccurrenceState.Failed, "20261130-103524-compat-7e2c", "2 of 27 cells failed"),
            (ended.Key, ended.Schedule, ended.State, ended.RunId, ended.Message));
        _clock.SetUtcNow(new DateTimeOffset(2026, 12, 1, 1, 30, 10, TimeSpan.Zero));
        Assert.Equal(1, queue.Plan());
        Assert.Equal("weekly@20261201T013000Z", Assert.Single(queue.Open()).Key);
    }

    [Fact]
    public void Audit_NotesReviewsAndSettingsAreThere()
    {
        LabDatabase database = LabDatabase.Open(_earlier.Directory);
        var audit = new AuditLog(database, _clock);

        AuditEntry[] lines = [.. audit.Read().Reverse()];
        RunNote note = new RunNotes(database, audit).All()[EarlierResults.First];
        ChangeReview review = Assert.Single(new ChangeReviews(database, audit, _clock).All()).Value;

        Assert.Equal(Enumerable.Range(1, 14).Select(i => (long)i), lines.Select(l => l.Id));
        Assert.Equal(("ada", "login", "127.0.0.1"), (lines[8].Actor, lines[8].Action, lines[8].Detail));
        Assert.Equal(("schedule.pause", "yearly"), (lines[6].Action, lines[6].Object));
        Assert.EndsWith(", paused", lines[6].After, StringComparison.Ordinal);
        Assert.Equal("first of the year, room warm", note.Note);
        Assert.Equal("baseline warm", string.Join(' ', note.Tags));
        Assert.Equal(
            ("perplexity", "d4faddd179eb7be9", "ada", "new tokenizer"),
            (review.Key.Metric, review.Key.CellId, review.Actor, review.Note));
        Assert.Equal("380", new LabSettings(database, audit).Get("co2_grams_per_kwh"));
        Assert.Throws<SqliteException>(() => Execute(_earlier.Directory, "UPDATE audit SET actor = 'nobody'"));
    }

    [Fact]
    public void NewDatabase_HasTheSameTables()
    {
        using var fresh = new TemporaryDirectory();
        LabDatabase.Open(fresh.Path);
        LabDatabase.Open(_earlier.Directory);

        Assert.Equal(Schema(_earlier.Directory), Schema(fresh.Path));
    }

    // However the statements are laid out.
    private static IEnumerable<string> Schema(string root) => Execute(root,
        "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_master "
            + "UNION ALL SELECT 'version ' || user_version FROM pragma_user_version ORDER BY 1")
        .Select(line => string.Join(' ', line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));

    private static List<string> Execute(string root, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(root, LabDatabase.FileName)};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: constants of this test.
        command.CommandText = sql;
#pragma warning restore CA2100
        using SqliteDataReader reader = command.ExecuteReader();
        List<string> rows = [];
        while (reader.Read()) rows.Add(reader.GetString(0));
        return rows;
    }
}
