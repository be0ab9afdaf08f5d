using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Suites;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Agents;

/// <summary>
/// The jobs of the lab's machines with their leases. A job is handed out under a number that grows each time, its epoch; only who holds the
/// newest writes to results, everybody else writes late. Times are the server's alone, so a machine's clock changes nothing.
/// </summary>
/// <param name="database">The lab's state.</param>
/// <param name="audit">Receives changes by people.</param>
/// <param name="clock">The one clock.</param>
/// <param name="times">How long leases last.</param>
public sealed class JobStore(LabDatabase database, AuditLog audit, TimeProvider clock, LeaseTimes times)
{
    /// <summary>Times that a job is handed out without a new result before nobody gets it any more.</summary>
    public const int MostAttempts = 3;

    private const string Columns =
        "id, occurrence, key, target, suite, suite_text, only_cells, tags, placement, created_ms, state, epoch, attempts, machine, "
        + "instance, claim, expires_ms, run_id, cells, ended_ms, message, cancel";

    private const int MostLooked = 100; // candidates of one question; what waits for others isn't looked through again and again

    /// <summary>Adds the jobs of a queued run, once: who adds them again changes nothing.</summary>
    /// <param name="occurrence">Number of the queued run.</param>
    /// <param name="key">Its key.</param>
    /// <param name="suite">The suite.</param>
    /// <param name="only">Patterns that narrow it.</param>
    /// <param name="tags">Tags of the runs.</param>
    /// <param name="targets">The machines, a job each; a null = one for any machine that fits.</param>
    public void Add(long occurrence, string key, Suite suite, ImmutableArray<string> only, ImmutableArray<string> tags,
        IReadOnlyList<string?> targets)
    {
        ArgumentNullException.ThrowIfNull(suite);
        ArgumentNullException.ThrowIfNull(targets);
        SuitePlacement placement = suite.Placement ?? new SuitePlacement();
        DateTimeOffset now = clock.GetUtcNow();
        database.InTransaction(work =>
        {
            foreach (string? target in targets)
            {
                // The id says what it is for, so a second server or a second try makes no second job.
                work.Execute(
                    """
                    INSERT INTO jobs (id, occurrence, key, target, suite, suite_text, only_cells, tags, placement, priority, created_ms,
                        state)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'queued') ON CONFLICT (id) DO NOTHING
                    """,
                    IdOf(key, target), occurrence, key, target, suite.Name, suite.Text, Write(only), Write(tags), Write(placement),
                    placement.Priority, now);
            }
        });
    }

    /// <summary>Gives a machine a job: the one it has, else the next that waits for it.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="instance">Its installation.</param>
    /// <param name="claim">Id of the question: asked again with the same id it gets the same lease.</param>
    /// <returns>Null when none waits for it.</returns>
    /// <exception cref="RequestException">Another installation with the same key works on one.</exception>
    public Job? Claim(Machine machine, string instance, string claim)
    {
        ArgumentNullException.ThrowIfNull(machine);
        DateTimeOffset now = clock.GetUtcNow();
        Job? given = null;
        RequestException? refused = null;
        database.InTransaction(work =>
        {
            // One question of a machine at a time, so that it never holds two jobs.
            work.Query(r => r.GetString(0), "SELECT name FROM machines WHERE name = $1" + database.RowLock, machine.Name);
            if (work.Query(Read, $"SELECT {Columns} FROM jobs WHERE machine = $1 AND state = 'leased'" + database.RowLock, machine.Name)
                .FirstOrDefault() is { } held)
            {
                if (held.Claim == claim && held.Instance == instance) given = held;
                else if (held.Instance != instance && held.Expires > now) refused = Shared(machine.Name);
                else given = Lease(work, held, machine.Name, instance, claim, now); // its agent was started anew, or the answer got lost
                if (given is not null || refused is not null) return;
            }

            if (!machine.IsOpen || LabPause.Holds(work, machine.Name, now)) return;
            foreach (Job waiting in work.Query(Read,
                $"SELECT {Columns} FROM jobs WHERE state = 'queued' AND (target = $1 OR target IS NULL) "
                    + $"ORDER BY priority DESC, created_ms, id LIMIT {MostLooked}", machine.Name))
            {
                if (waiting.Target is null && !Fits(work, waiting, machine)) continue;
                // One at a time, so that machines that ask at once each find one.
                if (work.Query(Read, $"SELECT {Columns} FROM jobs WHERE id = $1 AND state = 'queued'" + database.FreeRowLock, waiting.Id)
                    .FirstOrDefault() is { } free) given = Lease(work, free, machine.Name, instance, claim, now);
                if (given is not null) return;
            }
        });
        return refused is null ? given : throw refused;
    }

    /// <summary>Renews a lease.</summary>
    /// <returns>The job as it is now; null when the machine doesn't hold it under this number.</returns>
    public Job? Renew(string id, long epoch, string machine)
    {
        // A lease that has run out and that nobody else took is as good as before.
        int renewed = database.Execute("UPDATE jobs SET expires_ms = $4 WHERE id = $1 AND epoch = $2 AND machine = $3 AND state = 'leased'",
            id, epoch, machine, clock.GetUtcNow() + times.Lease);
        return renewed > 0 ? Find(id) : null;
    }

    /// <summary>Notes a run that a machine makes for a job, and says whether it counts.</summary>
    /// <exception cref="RequestException">The run belongs to another job or machine.</exception>
    public RunStanding Begin(Job job, long epoch, string machine, string runId)
    {
        ArgumentNullException.ThrowIfNull(job);
        RunStanding standing = RunStanding.Late;
        database.InTransaction(work =>
        {
            Job now = work.Query(Read, $"SELECT {Columns} FROM jobs WHERE id = $1" + database.RowLock, job.Id)[0];
            JobRun? known = work.Query(ReadRun, $"SELECT {RunColumns} FROM job_runs WHERE run_id = $1", runId).FirstOrDefault();
            if (known is not null && (known.Job != job.Id || known.Machine != machine))
                throw new RequestException($"run {runId} isn't of this job.");
            if (known is not null && known.Epoch >= epoch)
            {
                standing = known.Standing;
                return;
            }

            bool current = now.Epoch == epoch && now.Machine == machine;
            standing = current || now.Placement.Reconcile == Reconcile.KeepBoth ? RunStanding.Current : RunStanding.Late;
            work.Execute(
                """
                INSERT INTO job_runs (run_id, job, epoch, machine, state, at_ms) VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (run_id) DO UPDATE SET epoch = excluded.epoch, state = excluded.state
                """,
                runId, job.Id, epoch, machine, standing, clock.GetUtcNow());
            if (!current) return;
            // A machine that lost its folder begins anew: what it had sent before isn't counted a second time.
            if (now.RunId is not null && now.RunId != runId && now.Placement.Reconcile != Reconcile.KeepBoth)
                work.Execute("UPDATE job_runs SET state = 'late', message = 'begun anew' WHERE run_id = $1", now.RunId);
            work.Execute("UPDATE jobs SET run_id = $2 WHERE id = $1", job.Id, runId);
        });
        return standing;
    }

    /// <summary>Counts cells that came; a new one shows that the job gets on.</summary>
    /// <param name="runId">The run.</param>
    /// <param name="cells">Cells of it that are here now.</param>
    /// <param name="isNew">Whether one of them is new.</param>
    public void Count(string runId, int cells, bool isNew)
    {
        database.Execute("UPDATE job_runs SET cells = $2 WHERE run_id = $1", runId, cells);
        database.Execute(
            "UPDATE jobs SET cells = $2, attempts = CASE WHEN $3 = 1 AND attempts > 1 THEN 1 ELSE attempts END WHERE run_id = $1",
            runId, cells, isNew);
    }

    /// <summary>Ends a job.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="machine">The machine that says so.</param>
    /// <param name="end">What it says.</param>
    /// <returns>Whether the job ended by it, now or before; false when another machine has it.</returns>
    public bool End(string id, string machine, AgentEnd end)
    {
        ArgumentNullException.ThrowIfNull(end);
        JobState state = end.State switch { "done" => JobState.Done, "cancelled" => JobState.Cancelled, _ => JobState.Failed };
        string? message = end.Message is { Length: > 1000 } longer ? longer[..1000] : end.Message;
        bool ended = false;
        database.InTransaction(work =>
        {
            ended = work.Execute(
                "UPDATE jobs SET state = $4, message = $5, ended_ms = $6, run_id = coalesce(run_id, CAST($7 AS TEXT)) "
                    + "WHERE id = $1 AND epoch = $2 AND machine = $3 AND state = 'leased'",
                id, end.Epoch, machine, state, message, clock.GetUtcNow(), end.RunId) > 0
                || work.Query(r => r.GetInt64(0),
                    "SELECT count(*) FROM jobs WHERE id = $1 AND epoch = $2 AND machine = $3 AND state IN ('done', 'failed', 'cancelled')",
                    id, end.Epoch, machine)[0] > 0;
            if (ended || end.RunId is null || state != JobState.Done) return;
            Job job = work.Query(Read, $"SELECT {Columns} FROM jobs WHERE id = $1" + database.RowLock, id)[0];
            if (job.Placement.Reconcile == Reconcile.KeepOriginal) PutBack(work, job, machine, end);
        });
        return ended;
    }

    /// <summary>Looks for leases that ran out longer ago than their suite waits, and for machines that never came: their jobs go to
    /// others where the suite says so.</summary>
    /// <returns>What happened, a sentence each.</returns>
    public IReadOnlyList<string> Sweep()
    {
        DateTimeOffset now = clock.GetUtcNow();
        var said = new List<string>();
        database.InTransaction(work =>
        {
            foreach (Job job in work.Query(Read,
                $"SELECT {Columns} FROM jobs WHERE state = 'leased' AND expires_ms < $1" + database.FreeRowLock, now))
            {
                if (job.Cancel)
                {
                    Over(work, job, JobState.Cancelled, $"cancelled; {job.Machine} fell silent before it stopped", now);
                    said.Add($"job {job.Key} is cancelled: {job.Machine} fell silent before it stopped");
                }
                else if (now - job.Expires >= job.Placement.LostAfter && job.Placement.Replace)
                {
                    string why = $"{job.Machine} fell silent {Ago(now - job.Expires!.Value)} ago";
                    work.Execute(
                        "UPDATE jobs SET state = 'queued', target = NULL, expires_ms = NULL, claim = NULL, message = $2 WHERE id = $1",
                        job.Id, why);
                    said.Add($"job {job.Key} goes to another machine: {why}");
                }
            }

            foreach (Job job in work.Query(Read,
                $"SELECT {Columns} FROM jobs WHERE state = 'queued' AND target IS NOT NULL" + database.FreeRowLock))
            {
                if (!job.Placement.Replace || now - job.Created < job.Placement.LostAfter) continue;
                (DateTimeOffset Seen, DateTimeOffset? Unfit) of = work.Query(r => (r.Time(0), r.TimeOrNull(1)),
                    "SELECT seen_ms, unfit_ms FROM machines WHERE name = $1", job.Target).FirstOrDefault((job.Created, null));
                bool isUnfit = of.Unfit < of.Seen;
                DateTimeOffset gone = isUnfit ? of.Unfit ?? of.Seen : of.Seen;
                if (now - gone < job.Placement.LostAfter) continue;
                string why = isUnfit ? $"{job.Target} has been unfit for {Ago(now - gone)}"
                    : $"{job.Target} hasn't been heard of for {Ago(now - gone)}";
                work.Execute("UPDATE jobs SET target = NULL, message = $2 WHERE id = $1", job.Id, why);
                said.Add($"job {job.Key} goes to another machine: {why}");
            }
        });
        return said;
    }

    /// <summary>Takes a run that a machine made without a link as the job it is of, unless another machine has that already.</summary>
    /// <param name="id">The job.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="instance">Its installation.</param>
    /// <param name="runId">The run.</param>
    /// <returns>The number to send it under; one that is too old when it is late.</returns>
    public long Adopt(string id, string machine, string instance, string runId)
    {
        long epoch = 0;
        DateTimeOffset now = clock.GetUtcNow();
        database.InTransaction(work =>
        {
            if (work.Query(ReadRun, $"SELECT {RunColumns} FROM job_runs WHERE run_id = $1", runId).FirstOrDefault() is { } known)
            {
                epoch = known.Epoch; // told before, and the answer got lost
                return;
            }

            Job job = work.Query(Read, $"SELECT {Columns} FROM jobs WHERE id = $1" + database.RowLock, id)[0];
            if (job.State == JobState.Queued && job.RunId is null)
            {
                epoch = job.Epoch + 1;
                work.Execute(
                    "UPDATE jobs SET state = 'leased', epoch = $2, attempts = 1, machine = $3, instance = $4, claim = NULL, "
                        + "expires_ms = $5, message = NULL WHERE id = $1", id, epoch, machine, instance, now + times.Lease);
            }

            work.Execute(
                "INSERT INTO job_runs (run_id, job, epoch, machine, state, at_ms) VALUES ($1, $2, $3, $4, $5, $6)",
                runId, id, epoch, machine,
                epoch > 0 || job.Placement.Reconcile == Reconcile.KeepBoth ? RunStanding.Current : RunStanding.Late, now);
            if (epoch > 0) work.Execute("UPDATE jobs SET run_id = $2 WHERE id = $1", id, runId);
        });
        return epoch;
    }

    /// <summary>Gives a quarantined job out again.</summary>
    /// <param name="id">The job.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="RequestException">It isn't quarantined.</exception>
    public void Release(string id, string actor)
    {
        if (database.Execute(
            "UPDATE jobs SET state = 'queued', attempts = 0, ended_ms = NULL, claim = NULL WHERE id = $1 AND state = 'quarantined'",
            id) == 0)
            throw new RequestException("that job isn't quarantined.", "See 'quantbench lab status'.");
        // The queued run is open again with it.
        database.Execute(
            "UPDATE occurrences SET state = 'running', ended_ms = NULL, message = NULL "
                + "WHERE id = (SELECT occurrence FROM jobs WHERE id = $1)", id);
        audit.Write(actor, "job.release", id, "quarantined", "queued");
    }

    /// <summary>Asks for every job of a queued run to stop; those that wait end at once.</summary>
    /// <param name="occurrence">Number of the queued run.</param>
    public void Cancel(long occurrence)
    {
        DateTimeOffset now = clock.GetUtcNow();
        database.InTransaction(work =>
        {
            work.Execute("UPDATE jobs SET cancel = 1 WHERE occurrence = $1 AND state = 'leased'", occurrence);
            work.Execute("UPDATE jobs SET cancel = 1, state = 'cancelled', ended_ms = $2, message = 'cancelled while it waited' "
                + "WHERE occurrence = $1 AND state IN ('queued', 'quarantined')", occurrence, now);
        });
    }

    /// <summary>Machines that have, or wait for, a job of a schedule.</summary>
    /// <param name="schedule">The schedule's name.</param>
    public IReadOnlySet<string> BusyWith(string schedule) => database.Query(r => r.GetString(0),
        "SELECT coalesce(j.machine, j.target, '') FROM jobs j JOIN occurrences o ON o.id = j.occurrence "
            + "WHERE o.schedule = $1 AND j.state IN ('queued', 'leased')", schedule).ToHashSet(StringComparer.Ordinal);

    /// <summary>The job of an id, or null.</summary>
    public Job? Find(string id) => database.Query(Read, $"SELECT {Columns} FROM jobs WHERE id = $1", id).FirstOrDefault();

    /// <summary>The jobs of a queued run.</summary>
    /// <param name="occurrence">Its number.</param>
    public ImmutableArray<Job> Of(long occurrence) =>
        [.. database.Query(Read, $"SELECT {Columns} FROM jobs WHERE occurrence = $1 ORDER BY id", occurrence)];

    /// <summary>Jobs that aren't over, and quarantined ones, oldest first.</summary>
    public ImmutableArray<Job> Open() => [.. database.Query(Read,
        $"SELECT {Columns} FROM jobs WHERE state IN ('queued', 'leased', 'quarantined') ORDER BY priority DESC, created_ms, id")];

    /// <summary>The newest jobs.</summary>
    /// <param name="most">Largest number.</param>
    public ImmutableArray<Job> Latest(int most = 50) =>
        [.. database.Query(Read, $"SELECT {Columns} FROM jobs ORDER BY created_ms DESC, id LIMIT $1", most)];

    /// <summary>Runs that were made for a job, the first one first.</summary>
    /// <param name="job">Its id.</param>
    public ImmutableArray<JobRun> Runs(string job) =>
        [.. database.Query(ReadRun, $"SELECT {RunColumns} FROM job_runs WHERE job = $1 ORDER BY epoch, run_id", job)];

    /// <summary>What is known of a run that a machine made, or null.</summary>
    public JobRun? Run(string runId) =>
        database.Query(ReadRun, $"SELECT {RunColumns} FROM job_runs WHERE run_id = $1", runId).FirstOrDefault();

    /// <summary>Runs that are kept apart.</summary>
    public ImmutableArray<JobRun> Late() =>
        [.. database.Query(ReadRun, $"SELECT {RunColumns} FROM job_runs WHERE state = 'late' ORDER BY at_ms DESC LIMIT 200")];

    /// <summary>The id of a queued run's job.</summary>
    internal static string IdOf(string key, string? target) =>
        Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{key}\n{target}")))[..20];

    private const string RunColumns = "run_id, job, epoch, machine, state, cells, at_ms";

    private static bool Fits(DbConnection work, Job job, Machine machine)
    {
        if (MachineLabels.Broken(job.Placement.Labels, machine.Labels) is not null) return false;
        // A machine that has its own run of this makes no second one in another's place.
        return job.Machine == machine.Name || work.Query(r => r.GetInt64(0),
            "SELECT count(*) FROM jobs WHERE occurrence = $1 AND id <> $2 AND (machine = $3 OR target = $3)", job.Occurrence, job.Id,
            machine.Name)[0] == 0;
    }

    private Job? Lease(DbConnection work, Job job, string machine, string instance, string claim, DateTimeOffset now)
    {
        if (job.Attempts >= MostAttempts)
        {
            Over(work, job, JobState.Quarantined, string.Create(CultureInfo.InvariantCulture,
                $"handed out {job.Attempts} times without a new result, last to {job.Machine}"), now);
            return null;
        }

        bool same = job.Machine == machine;
        if (!same && job.RunId is not null && job.Placement.Reconcile != Reconcile.KeepBoth)
            work.Execute("UPDATE job_runs SET state = 'late', message = $2 WHERE job = $1", job.Id, $"replaced by {machine}");
        // Counted before anything is sent: who dies of it has had its try.
        work.Execute(
            "UPDATE jobs SET state = 'leased', epoch = epoch + 1, attempts = attempts + 1, machine = $2, instance = $3, claim = $4, "
                + "expires_ms = $5, run_id = CAST($6 AS TEXT), cells = $7, message = NULL WHERE id = $1",
            job.Id, machine, instance, claim, now + times.Lease, same ? job.RunId : null, same ? job.Cells : 0L);
        // The same run goes on under the new number.
        if (same && job.RunId is not null)
            work.Execute("UPDATE job_runs SET epoch = $2 WHERE run_id = $1", job.RunId, job.Epoch + 1);
        return work.Query(Read, $"SELECT {Columns} FROM jobs WHERE id = $1", job.Id)[0];
    }

    // The first machine's run is whole, and the suite wants it: what replaced it steps aside.
    private void PutBack(DbConnection work, Job job, string machine, AgentEnd end)
    {
        if (work.Query(ReadRun, $"SELECT {RunColumns} FROM job_runs WHERE job = $1 ORDER BY at_ms, run_id LIMIT 1", job.Id)
            is not [{ } first] || first.RunId != end.RunId || first.Machine != machine) return;
        work.Execute("UPDATE job_runs SET state = CASE WHEN run_id = $2 THEN 'current' ELSE 'late' END WHERE job = $1", job.Id,
            first.RunId);
        work.Execute(
            "UPDATE jobs SET state = 'done', epoch = epoch + 1, machine = $2, run_id = $3, cells = $4, ended_ms = $5, message = $6 "
                + "WHERE id = $1",
            job.Id, machine, first.RunId, first.Cells, clock.GetUtcNow(), $"{machine} came back; its run counts");
    }

    private static void Over(DbConnection work, Job job, JobState state, string message, DateTimeOffset now) =>
        work.Execute("UPDATE jobs SET state = $2, message = $3, ended_ms = $4 WHERE id = $1", job.Id, state, message, now);

    private static RequestException Shared(string machine) => new(
        $"another installation works with the key of machine '{machine}'.",
        "Give each machine a key: quantbench keys add NAME --role agent");

    private static string Ago(TimeSpan time) => time.TotalMinutes >= 2 ? $"{time.TotalMinutes:0} min" : $"{time.TotalSeconds:0} s";

    private static string Write<T>(T value) => JsonSerializer.Serialize(value, Json.Line);

    private static ImmutableArray<string> Texts(string json) => JsonSerializer.Deserialize<ImmutableArray<string>>(json, Json.Line);

    private static JobRun ReadRun(DbDataReader row) => new(row.GetString(0), row.GetString(1), row.GetInt64(2), row.GetString(3),
        Enum.Parse<RunStanding>(row.GetString(4), ignoreCase: true), row.GetInt64(5), row.Time(6));

    private static Job Read(DbDataReader row) => new()
    {
        Id = row.GetString(0),
        Occurrence = row.GetInt64(1),
        Key = row.GetString(2),
        Target = row.Text(3),
        Suite = row.GetString(4),
        SuiteText = row.GetString(5),
        Only = Texts(row.GetString(6)),
        Tags = Texts(row.GetString(7)),
        Placement = JsonSerializer.Deserialize<SuitePlacement>(row.GetString(8), Json.Line) ?? new SuitePlacement(),
        Created = row.Time(9),
        State = Enum.Parse<JobState>(row.GetString(10), ignoreCase: true),
        Epoch = row.GetInt64(11),
        Attempts = row.GetInt64(12),
        Machine = row.Text(13),
        Instance = row.Text(14),
        Claim = row.Text(15),
        Expires = row.TimeOrNull(16),
        RunId = row.Text(17),
        Cells = row.GetInt64(18),
        Ended = row.TimeOrNull(19),
        Message = row.Text(20),
        Cancel = row.GetInt64(21) != 0,
    };
}
