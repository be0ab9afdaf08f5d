using System.Collections.Immutable;
using System.Data.Common;
using System.Security.Cryptography;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Queue;

/// <summary>The queue's durable half: what is due, what is running, what became of the rest.</summary>
/// <param name="database">The database.</param>
/// <param name="clock">The one clock.</param>
public sealed class OccurrenceStore(LabDatabase database, TimeProvider clock)
{
    private const string Columns = "id, key, schedule, suite, only_cells, due_ms, state, run_id, started_ms, ended_ms, message, actor";
    private const int MostCaughtUp = 100; // of one schedule at once; a year of missed minutes is a mistake, not a plan

    /// <summary>A time counts as missed when nobody took it for this long.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(60);

    /// <summary>Takes the times of every schedule up to now into the queue, by its catch-up policy. All or nothing, and never one time
    /// twice.</summary>
    /// <returns>Number of times that became due.</returns>
    public int Plan()
    {
        DateTimeOffset now = clock.GetUtcNow();
        int due = 0;
        database.InTransaction(work =>
        {
            foreach (Schedule schedule in work.Query(
                ScheduleStore.Read,
                "SELECT name, suite, cron, zone, catch_up, paused, source, created_ms, planned_ms FROM schedules WHERE paused = 0")
                .OfType<Schedule>())
            {
                IReadOnlyList<DateTimeOffset> times = schedule.Cron.Between(schedule.Planned, now, MostCaughtUp);
                if (times.Count == 0) continue;
                bool busy =
                    work.Query(r => r.GetInt64(0), "SELECT count(*) FROM occurrences WHERE schedule = $1 AND state IN ('due', 'running')",
                        schedule.Name)[0] > 0;
                for (int i = 0; i < times.Count; i++)
                {
                    (OccurrenceState state, string? message) = Judge(schedule.CatchUp, times[i], now, newest: i == times.Count - 1, busy);
                    due += work.Execute(
                        "INSERT INTO occurrences (key, schedule, suite, due_ms, state, message, actor) VALUES ($1, $2, $3, $4, $5, $6, "
                            + "'schedule') ON CONFLICT (key) DO NOTHING",
                        Schedule.KeyOf(schedule.Name, times[i]), schedule.Name, schedule.Suite, times[i], state, message)
                        * (state == OccurrenceState.Due ? 1 : 0);
                    if (state == OccurrenceState.Due && schedule.CatchUp == CatchUp.Last)
                    {
                        // What still waits is overtaken; what runs is left alone.
                        work.Execute(
                            "UPDATE occurrences SET state = 'missed', message = 'overtaken by a later time while it waited', ended_ms = $3 "
                                + "WHERE schedule = $1 AND state = 'due' AND due_ms < $2",
                            schedule.Name, times[i], now);
                    }
                }

                // Crash point 1: before the commit nothing happened, after it the times are in the queue; there is no between.
                work.Execute("UPDATE schedules SET planned_ms = $2 WHERE name = $1", schedule.Name, now);
            }
        });
        return due;
    }

    /// <summary>Puts a run into the queue at once.</summary>
    /// <param name="suite">Absolute path of the suite.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="schedule">The schedule it belongs to; null = none.</param>
    /// <param name="only">Patterns that narrow the suite.</param>
    public Occurrence Request(string suite, string actor, string? schedule = null, ImmutableArray<string> only = default)
    {
        DateTimeOffset now = clock.GetUtcNow();
        string key = Schedule.KeyOf(schedule ?? Path.GetFileNameWithoutExtension(suite), now) + "-"
            + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(3));
        database.Execute(
            "INSERT INTO occurrences (key, schedule, suite, only_cells, due_ms, state, actor) VALUES ($1, $2, $3, $4, $5, 'due', $6)",
            key, schedule, suite, JsonSerializer.Serialize(only.IsDefault ? [] : only, Json.Line), now, actor);
        return database.Query(Read, $"SELECT {Columns} FROM occurrences WHERE key = $1", key)[0];
    }

    /// <summary>Puts a run into the queue, unless one of this key was there before.</summary>
    /// <param name="suite">Absolute path of the suite.</param>
    /// <param name="key">The key.</param>
    /// <param name="actor">Who asks.</param>
    /// <returns>The queued run of the key, and whether it is new.</returns>
    public (Occurrence Asked, bool IsNew) RequestOnce(string suite, string key, string actor)
    {
        bool isNew = database.Execute(
            "INSERT INTO occurrences (key, suite, due_ms, state, actor) VALUES ($1, $2, $3, 'due', $4) ON CONFLICT (key) DO NOTHING",
            key, suite, clock.GetUtcNow(), actor) > 0;
        return (database.Query(Read, $"SELECT {Columns} FROM occurrences WHERE key = $1", key)[0], isNew);
    }

    /// <summary>The queued run of a time of a schedule, which some machine made without being asked: it is open from now on, whatever had
    /// become of it.</summary>
    /// <param name="schedule">The schedule.</param>
    /// <param name="due">The time.</param>
    internal Occurrence Adopt(Schedule schedule, DateTimeOffset due)
    {
        string key = Schedule.KeyOf(schedule.Name, due);
        database.Execute(
            "INSERT INTO occurrences (key, schedule, suite, due_ms, state, started_ms, actor) VALUES ($1, $2, $3, $4, 'running', $4, "
                + "'schedule') ON CONFLICT (key) DO UPDATE SET state = 'running', ended_ms = NULL, message = NULL "
                + "WHERE occurrences.state IN ('missed', 'done', 'failed')",
            key, schedule.Name, schedule.Suite, due);
        return database.Query(Read, $"SELECT {Columns} FROM occurrences WHERE key = $1", key)[0];
    }

    /// <summary>Everything due or running, oldest first.</summary>
    public ImmutableArray<Occurrence> Open() =>
        [.. database.Query(Read, $"SELECT {Columns} FROM occurrences WHERE state IN ('due', 'running') ORDER BY due_ms, id")];

    /// <summary>The newest, of one schedule or of all.</summary>
    /// <param name="schedule">A schedule's name; null = all.</param>
    /// <param name="most">Largest number.</param>
    public ImmutableArray<Occurrence> Latest(string? schedule = null, int most = 50) =>
        [.. database.Query(Read,
            $"SELECT {Columns} FROM occurrences WHERE CAST($1 AS TEXT) IS NULL OR schedule = CAST($1 AS TEXT) "
                + "ORDER BY due_ms DESC, id DESC LIMIT $2", schedule,
            (long)most)];

    /// <summary>Those that failed or were missed since a time.</summary>
    /// <param name="since">The time, UTC.</param>
    public ImmutableArray<Occurrence> WrongSince(DateTimeOffset since) =>
        [.. database.Query(Read, $"SELECT {Columns} FROM occurrences WHERE state IN ('failed', 'missed') "
            + "AND coalesce(ended_ms, due_ms) >= $1 ORDER BY due_ms, id", since)];

    /// <summary>The occurrence of a number, or null.</summary>
    public Occurrence? Find(long id) => database.Query(Read, $"SELECT {Columns} FROM occurrences WHERE id = $1", id).FirstOrDefault();

    /// <summary>The occurrence that made a run, or null.</summary>
    public Occurrence? OfRun(string runId) =>
        database.Query(Read, $"SELECT {Columns} FROM occurrences WHERE run_id = $1", runId).FirstOrDefault();

    /// <summary>Takes an occurrence to run it.</summary>
    /// <returns>Null when it isn't due or running any more.</returns>
    internal Occurrence? Claim(long id)
    {
        // Crash point 2: claimed, no run folder yet. The next server finds it running without a run and starts it.
        int claimed = database.Execute(
            "UPDATE occurrences SET state = 'running', started_ms = coalesce(started_ms, $2) WHERE id = $1 AND state IN ('due', 'running') "
                + "AND cancel = 0", id, clock.GetUtcNow());
        if (claimed > 0) return Find(id);
        database.Execute(
            "UPDATE occurrences SET state = 'cancelled', ended_ms = $2 WHERE id = $1 AND state IN ('due', 'running') AND cancel = 1", id,
            clock.GetUtcNow());
        return null;
    }

    /// <summary>Counts a start of a run, before anything is measured: who dies of it has had its try.</summary>
    /// <param name="id">Its number.</param>
    /// <param name="cells">Cells that its run has; more than at the last start begin the count anew.</param>
    /// <returns>Starts since it last brought a new cell, this one included.</returns>
    internal long CountTry(long id, long cells)
    {
        database.Execute(
            "UPDATE occurrences SET attempts = CASE WHEN $2 > cells THEN 1 ELSE attempts + 1 END, cells = $2 WHERE id = $1", id, cells);
        return database.Query(r => r.GetInt64(0), "SELECT attempts FROM occurrences WHERE id = $1", id)[0];
    }

    /// <summary>Takes a start back: its server was stopped, which says nothing about the run.</summary>
    internal void ForgetTry(long id) =>
        database.Execute("UPDATE occurrences SET attempts = attempts - 1 WHERE id = $1 AND attempts > 0", id);

    internal void SetRun(long id, string runId) => database.Execute("UPDATE occurrences SET run_id = $2 WHERE id = $1", id, runId);

    internal void End(long id, OccurrenceState state, string? message) =>
        database.Execute("UPDATE occurrences SET state = $2, message = $3, ended_ms = $4 WHERE id = $1", id, state, message,
            clock.GetUtcNow());

    /// <summary>Asks for an occurrence to be cancelled; one that waits is cancelled at once, one that runs when its server sees
    /// it.</summary>
    /// <exception cref="RequestException">It has ended already, or there is none.</exception>
    public void Cancel(long id)
    {
        DateTimeOffset now = clock.GetUtcNow();
        int changed = 0;
        database.InTransaction(work =>
        {
            changed += work.Execute("UPDATE occurrences SET state = 'cancelled', cancel = 1, ended_ms = $2 WHERE id = $1 AND state = 'due'",
                id, now);
            changed += work.Execute("UPDATE occurrences SET cancel = 1 WHERE id = $1 AND state = 'running'", id);
        });
        if (changed == 0)
            throw new RequestException("that run has ended already, or wasn't started by the queue.",
                "A run started on the command line is stopped there with Ctrl-C.");
    }

    /// <summary>Whether a running occurrence is to stop.</summary>
    internal bool CancelAsked(long id) => database.Query(r => r.GetInt64(0), "SELECT cancel FROM occurrences WHERE id = $1", id) is [> 0];

    private static (OccurrenceState State, string? Message) Judge(CatchUp policy, DateTimeOffset time, DateTimeOffset now, bool newest,
        bool busy)
    {
        bool late = now - time > Grace;
        return policy switch
        {
            CatchUp.All => (OccurrenceState.Due, null),
            CatchUp.Skip when late => (OccurrenceState.Missed, "nobody was there to start it"),
            CatchUp.Skip when busy => (OccurrenceState.Missed, "the run before it hadn't ended"),
            _ when newest => (OccurrenceState.Due, null),
            _ => (OccurrenceState.Missed, late ? "nobody was there to start it" : "overtaken by a later time"),
        };
    }

    private static Occurrence Read(DbDataReader row) => new()
    {
        Id = row.GetInt64(0),
        Key = row.GetString(1),
        Schedule = row.Text(2),
        Suite = row.GetString(3),
        Only = JsonSerializer.Deserialize<ImmutableArray<string>>(row.GetString(4), Json.Line),
        Due = row.Time(5),
        State = Enum.Parse<OccurrenceState>(row.GetString(6), ignoreCase: true),
        RunId = row.Text(7),
        Started = row.TimeOrNull(8),
        Ended = row.TimeOrNull(9),
        Message = row.Text(10),
        Actor = row.GetString(11),
    };
}
