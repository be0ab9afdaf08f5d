using System.Collections.Immutable;
using System.Data.Common;
using System.Text.RegularExpressions;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Schedules;

/// <summary>The schedules in <c>lab.db</c>. A running server sees changes within a second.</summary>
/// <param name="database">The database.</param>
/// <param name="audit">Receives every change.</param>
/// <param name="clock">The one clock.</param>
public sealed partial class ScheduleStore(LabDatabase database, AuditLog audit, TimeProvider clock)
{
    private const string Columns = "name, suite, cron, zone, catch_up, paused, source, created_ms, planned_ms";

    /// <summary>All schedules by name.</summary>
    public ImmutableArray<Schedule> List() =>
        [.. database.Query(Read, $"SELECT {Columns} FROM schedules ORDER BY name").OfType<Schedule>()];

    /// <summary>The schedule of a name, or null.</summary>
    public Schedule? Find(string name) => database.Query(Read, $"SELECT {Columns} FROM schedules WHERE name = $1", name).FirstOrDefault();

    /// <summary>The schedule of a name.</summary>
    /// <exception cref="RequestException">There is none.</exception>
    public Schedule Get(string name) =>
        Find(name)
            ?? throw new RequestException($"there is no schedule '{name}'.",
                List() is { IsEmpty: false } all ? $"Known: {string.Join(", ", all.Select(s => s.Name))}."
                    : "Add one: quantbench schedule add SUITE --cron '30 2 * * *'");

    /// <summary>Refuses a name that no new schedule can have.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="RequestException">The name is taken or can't be one.</exception>
    public void CheckNew(string name)
    {
        if (!ValidName().IsMatch(name))
            throw new RequestException($"'{name}' can't be a schedule's name.",
                "A name has lower-case letters, digits and dashes, at most 64.");
        if (Find(name) is not null) throw Taken(name);
    }

    /// <summary>Adds a schedule; its first time is the next one from now.</summary>
    /// <param name="name">Lower-case letters, digits and dashes.</param>
    /// <param name="suite">Absolute path of the suite.</param>
    /// <param name="schedule">When.</param>
    /// <param name="actor">Who adds it.</param>
    /// <param name="source">Where it comes from.</param>
    /// <exception cref="RequestException">The name is taken or can't be one.</exception>
    public Schedule Add(string name, string suite, SuiteSchedule schedule, string actor, ScheduleSource source = ScheduleSource.User)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        CheckNew(name);
        int added = database.Execute(
            $"INSERT INTO schedules ({Columns}) VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $7) ON CONFLICT (name) DO NOTHING",
            name, suite, schedule.Cron.Text, schedule.Cron.Zone.Id, schedule.CatchUp, source, clock.GetUtcNow());
        if (added == 0) throw Taken(name); // by another, since
        Schedule made = Get(name);
        audit.Write(actor, "schedule.add", name, null, made.ToString());
        return made;
    }

    /// <summary>Pauses or resumes. Times that pass while paused are not caught up.</summary>
    /// <param name="name">The schedule.</param>
    /// <param name="paused">Whether to pause.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="RequestException">There is none.</exception>
    public void SetPaused(string name, bool paused, string actor)
    {
        Schedule before = Get(name);
        if (before.Paused == paused) return;
        database.Execute("UPDATE schedules SET paused = $2, planned_ms = $3 WHERE name = $1", name, paused, clock.GetUtcNow());
        audit.Write(actor, paused ? "schedule.pause" : "schedule.resume", name, before.ToString(), Get(name).ToString());
    }

    /// <summary>Removes a schedule; its past occurrences and their runs stay.</summary>
    /// <param name="name">The schedule.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="RequestException">There is none, or it is written in its suite's file.</exception>
    public void Remove(string name, string actor)
    {
        Schedule before = Get(name);
        if (before.Source == ScheduleSource.Suite)
            throw new RequestException($"the schedule '{name}' is written in {before.Suite}.",
                $"Take its 'schedule' out of that file, or pause it: quantbench schedule pause {name}");
        Delete(before, actor);
    }

    /// <summary>Brings the schedules that are written in suites up to date with their files.</summary>
    /// <param name="suites">The suites that were read; a suite that couldn't be read keeps its schedule.</param>
    /// <param name="unreadable">Paths that couldn't be read.</param>
    /// <returns>Why some can't have their schedule.</returns>
    public IReadOnlyList<string> Follow(IEnumerable<Suite> suites, IReadOnlySet<string> unreadable)
    {
        ArgumentNullException.ThrowIfNull(suites);
        ArgumentNullException.ThrowIfNull(unreadable);
        const string actor = "suite file";
        var problems = new List<string>();
        Dictionary<string, (string Path, SuiteSchedule Schedule)> wanted = [];
        foreach (Suite suite in suites)
        {
            if (suite.Schedule is { } schedule) wanted.TryAdd(suite.Name, (Path.GetFullPath(suite.File), schedule));
        }

        foreach (Schedule have in List().Where(s => s.Source == ScheduleSource.Suite))
        {
            if (wanted.TryGetValue(have.Name, out var want))
            {
                bool same = want.Path == have.Suite && want.Schedule.Cron.Text == have.Cron.Text
                    && want.Schedule.Cron.Zone.Id == have.Cron.Zone.Id && want.Schedule.CatchUp == have.CatchUp;
                wanted.Remove(have.Name);
                if (same) continue;
                database.Execute(
                    "UPDATE schedules SET suite = $2, cron = $3, zone = $4, catch_up = $5, planned_ms = $6 WHERE name = $1",
                    have.Name, want.Path, want.Schedule.Cron.Text, want.Schedule.Cron.Zone.Id, want.Schedule.CatchUp, clock.GetUtcNow());
                audit.Write(actor, "schedule.change", have.Name, have.ToString(), Get(have.Name).ToString());
            }
            else if (!unreadable.Contains(have.Suite))
            {
                Delete(have, actor);
            }
        }

        foreach ((string name, (string path, SuiteSchedule schedule)) in wanted)
        {
            try
            {
                if (Find(name) is null) Add(name, path, schedule, actor, ScheduleSource.Suite);
            }
            catch (RequestException e)
            {
                problems.Add($"{path}: {e.Message}"); // the other suites have schedules too
            }
        }

        return problems;
    }

    private static RequestException Taken(string name) => new($"there is a schedule '{name}' already.",
        $"Choose another name with --name, or remove it: quantbench schedule remove {name}");

    private void Delete(Schedule schedule, string actor)
    {
        database.Execute("DELETE FROM schedules WHERE name = $1", schedule.Name);
        audit.Write(actor, "schedule.remove", schedule.Name, schedule.ToString(), null);
    }

    // Null when a newer program wrote an expression or a zone this one doesn't know: it is left alone.
    internal static Schedule? Read(DbDataReader row) =>
        CronTimes.TryParse(row.GetString(2), row.GetString(3), out CronTimes? cron, out _, mustCome: false)
            && Enum.TryParse(row.GetString(4), ignoreCase: true, out CatchUp catchUp)
            ? new Schedule
            {
                Name = row.GetString(0),
                Suite = row.GetString(1),
                Cron = cron,
                CatchUp = catchUp,
                Paused = row.GetInt64(5) != 0,
                Source = row.GetString(6) == "suite" ? ScheduleSource.Suite : ScheduleSource.User,
                Created = row.Time(7),
                Planned = row.Time(8),
            }
            : null;

    [GeneratedRegex(@"^[a-z0-9][a-z0-9-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ValidName();
}
