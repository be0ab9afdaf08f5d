using System.Collections.Immutable;
using QuantBench.Core.Suites;
using QuantBench.Lab.Schedules;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>
/// What a machine runs by itself while its server is out of reach. Up to the last contact a schedule's times are the server's business;
/// times after it are the machine's, the newest of each schedule. A clock that is wrong by a fixed time changes nothing: the difference
/// to the server's is kept.
/// </summary>
/// <param name="journal">Keeps it over a restart.</param>
/// <param name="clock">The one clock.</param>
public sealed class OfflineSchedule(AgentJournal journal, TimeProvider clock)
{
    private const string Name = "schedules";
    private const int MostTimes = 1000;

    private static readonly ImmutableSortedDictionary<string, DateTimeOffset> s_none =
        ImmutableSortedDictionary<string, DateTimeOffset>.Empty;

    private State _state = journal.Read<State>(Name) ?? new State([], TimeSpan.Zero, null, TimeSpan.FromMinutes(1), s_none);

    /// <summary>Notes a contact with the server.</summary>
    /// <param name="welcome">What it said.</param>
    public void Heard(AgentWelcome welcome)
    {
        ArgumentNullException.ThrowIfNull(welcome);
        _state = new State(welcome.Schedules.IsDefault ? [] : welcome.Schedules, welcome.Now - clock.GetUtcNow(), welcome.Now,
            TimeSpan.FromSeconds(welcome.LeaseSeconds), s_none);
        journal.Write(Name, _state);
    }

    /// <summary>The job that is due by itself; null when none is, or the link was there a moment ago.</summary>
    public JournalEntry? Due()
    {
        DateTimeOffset now = clock.GetUtcNow() + _state.Ahead;
        if (_state.Contact is not { } contact || now - contact < _state.Grace) return null;
        foreach (AgentSchedule schedule in _state.Schedules)
        {
            if (!CronTimes.TryParse(schedule.Cron, schedule.Zone, out CronTimes? times, out _, mustCome: false)) continue;
            DateTimeOffset since = _state.Taken.TryGetValue(schedule.Name, out DateTimeOffset taken) && taken > contact ? taken : contact;
            IReadOnlyList<DateTimeOffset> passed = times.Between(since, now, MostTimes);
            if (passed.Count == 0) continue;
            DateTimeOffset due = passed[^1];
            // From here on those times are taken, whatever becomes of the run.
            _state = _state with { Taken = _state.Taken.SetItem(schedule.Name, due) };
            journal.Write(Name, _state);
            string key = Schedule.KeyOf(schedule.Name, due);
            return new JournalEntry
            {
                Name = "offline-" + key.Replace('@', '-'),
                Key = key,
                Suite = schedule.Suite,
                SuiteText = schedule.SuiteText,
                Tags = ["queue:" + key, "schedule:" + schedule.Name],
                Schedule = schedule.Name,
                Due = due,
            };
        }

        return null;
    }

    private sealed record State(ImmutableArray<AgentSchedule> Schedules, TimeSpan Ahead, DateTimeOffset? Contact, TimeSpan Grace,
        ImmutableSortedDictionary<string, DateTimeOffset> Taken);
}
