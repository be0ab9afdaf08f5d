using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Runs;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab.Notes;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Dashboard.Tests.Hosting;

public sealed class RetentionSweeperTests : IDisposable
{
    private const int Runs = 30; // one a day up to the clock's start

    private static readonly DateTimeOffset s_now = new(2026, 12, 25, 12, 0, 0, TimeSpan.Zero);

    private readonly TemporaryDirectory _directory = new();
    private readonly SetClock _clock = new(s_now);
    private readonly AuditLog _audit;
    private readonly RunNotes _notes;
    private readonly ServerSettings _settings;
    private readonly ResultStore _store;

    public RetentionSweeperTests()
    {
        LabDatabase database = LabDatabase.Open(_directory.Path);
        _audit = new AuditLog(database, _clock);
        _notes = new RunNotes(database, _audit);
        _settings = new ServerSettings(new LabSettings(database, _audit));
        for (int day = 0; day < Runs; day++) Record(day, s_now.AddDays(day + 1 - Runs));
        _store = ResultStore.Open(_directory.Path);
        _store.CatchUp();
        _settings.SetRetention("30", "ada");
    }

    private string[] Folders => [.. Directory.EnumerateDirectories(_directory.Path, "2026*").Select(d => Path.GetFileName(d)).Order()];

    private string[] Trash => Directory.Exists(_directory.Combine(".trash"))
        ? [.. Directory.EnumerateDirectories(_directory.Combine(".trash")).Select(d => Path.GetFileName(d)).Order()] : [];

    public void Dispose()
    {
        _store.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Sweep_MovesATenthOfOldRunsToTheTrash_OldestFirst()
    {
        _clock.Advance(TimeSpan.FromDays(20.5));
        Record(Runs, _clock.GetUtcNow()); // the lab is in use: the clock is believed
        _store.CatchUp();
        _notes.Set(Id(1), new RunNote("", [RetentionSweeper.KeepTag]), "ada");
        RetentionSweeper sweeper = Sweeper();

        Assert.Equal([Id(0), Id(2), Id(3)], await sweeper.SweepAsync(CancellationToken.None));

        Assert.Equal([Id(0), Id(2), Id(3)], Trash);
        Assert.Equal(Runs + 1 - 3, Folders.Length);
        Assert.Equal(Folders, (await new StoredRuns(_store).NewestAsync(null, completed: false, 100, CancellationToken.None)).Order());
        Assert.Equal(3, _audit.Read(contains: "run.remove").Length);
        Assert.Equal(2, (await sweeper.SweepAsync(CancellationToken.None)).Count);
        _settings.SetRetention(null, "ada");
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Empty(await sweeper.SweepAsync(CancellationToken.None)); // off unless set
    }

    [Fact]
    public async Task Sweep_RemovesNothing_WhenTheClockIsFarAhead()
    {
        _clock.Advance(TimeSpan.FromDays(400)); // as a server starts with it: nothing in the process can know

        Assert.Empty(await Sweeper().SweepAsync(CancellationToken.None));
        Assert.Equal(Runs, Folders.Length);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(-400)]
    public async Task Sweep_LeavesADayOut_WhenTheClockJumps(int days)
    {
        _clock.Advance(TimeSpan.FromDays(20.5));
        Record(Runs, _clock.GetUtcNow());
        Record(Runs + 1, _clock.GetUtcNow().AddDays(399)); // made under the wrong clock
        _store.CatchUp();
        RetentionSweeper sweeper = Sweeper();
        _clock.Ahead = TimeSpan.FromDays(days);

        Assert.Empty(await sweeper.SweepAsync(CancellationToken.None));
        _clock.Ahead = TimeSpan.Zero;

        Assert.Empty(await sweeper.SweepAsync(CancellationToken.None)); // set right: a jump as well
        Assert.Equal(3, (await sweeper.SweepAsync(CancellationToken.None)).Count);
    }

    [Fact]
    public async Task Trash_KeepsDaysThatWereSeenToPass_NotWhatAClockSays()
    {
        _clock.Advance(TimeSpan.FromDays(20.5));
        Record(Runs, _clock.GetUtcNow());
        _store.CatchUp();
        Assert.Equal(3, (await Sweeper().SweepAsync(CancellationToken.None)).Count);
        _settings.SetRetention(null, "ada");

        _clock.Advance(TimeSpan.FromDays(400));
        await Sweeper().SweepAsync(CancellationToken.None);
        await Sweeper().SweepAsync(CancellationToken.None); // a restart counts no day
        Assert.Equal(3, Trash.Length);
        for (int day = 2; day < RunTrash.KeptDays; day++)
        {
            _clock.Advance(TimeSpan.FromDays(1));
            await Sweeper().SweepAsync(CancellationToken.None);
        }

        Assert.Equal(3, Trash.Length);
        _clock.Advance(TimeSpan.FromDays(1));
        await Sweeper().SweepAsync(CancellationToken.None);
        Assert.Empty(Trash);
        Assert.Equal(3, _audit.Read(contains: "run.delete").Length);
    }

    [Fact]
    public async Task Trash_GivesARunBack()
    {
        _clock.Advance(TimeSpan.FromDays(20.5));
        Record(Runs, _clock.GetUtcNow());
        _store.CatchUp();
        await Sweeper().SweepAsync(CancellationToken.None);

        Directory.Move(Path.Combine(_directory.Combine(".trash"), Id(0)), _directory.Combine(Id(0)));

        Assert.Equal(Runs + 1 - 2, _store.Reindex().Runs);
        Assert.True(_store.Has(Id(0)));
        Assert.False(_store.Has(Id(1)));
    }

    [Fact]
    public async Task Sweep_FollowsNoRow_OutOfTheResults()
    {
        _clock.Advance(TimeSpan.FromDays(20.5));
        Record(Runs, _clock.GetUtcNow());
        _store.CatchUp();
        string outside = Directory.CreateTempSubdirectory("quantbench-outside").FullName;
        await File.WriteAllTextAsync(Path.Combine(outside, "run.json"), "{}");
        await using (var connection = new SqliteConnection($"Data Source={_store.Location};Pooling=False"))
        {
            connection.Open();
            await using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "UPDATE runs SET folder = $1";
            command.Parameters.AddWithValue("$1", outside);
            Assert.Equal(Runs + 1, await command.ExecuteNonQueryAsync());
        }

        Assert.Empty(await Sweeper().SweepAsync(CancellationToken.None));
        Assert.True(Directory.Exists(outside));
        Directory.Delete(outside, recursive: true);
    }

    private static string Id(int day) => $"20261101-000000-reference-{day:x4}";

    private void Record(int day, DateTimeOffset started)
    {
        RunInfo info = SampleRun.Info(Id(day)) with { Started = started, Finished = started.AddMinutes(4), CellCount = 1 };
        using RunFolder folder = RunFolder.Create(_directory.Path, info);
        folder.Append(SampleRun.Perplexity(SampleRun.Figures[0]) with { Started = started });
    }

    private RetentionSweeper Sweeper() =>
        new(_store, new StoredRuns(_store), _settings, _notes, _audit, _clock, NullLogger<RetentionSweeper>.Instance);

    // Set by hand, its reading moves and the time that really passes doesn't.
    private sealed class SetClock(DateTimeOffset start) : FakeTimeProvider(start)
    {
        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;

        public override long GetTimestamp() => base.GetUtcNow().Ticks;
    }
}
