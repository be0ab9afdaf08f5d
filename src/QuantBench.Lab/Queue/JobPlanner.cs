using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Suites;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.Suites;

namespace QuantBench.Lab.Queue;

/// <summary>Makes queued runs of suites that name machines into jobs of those machines, and ends them with their jobs.</summary>
/// <param name="occurrences">The queue.</param>
/// <param name="schedules">The schedules.</param>
/// <param name="jobs">The jobs.</param>
/// <param name="machines">The machines.</param>
/// <param name="taker">Brings runs to where they belong.</param>
/// <param name="signal">Wakes machines that wait.</param>
/// <param name="approvals">Which suites with needs of their own may run.</param>
/// <param name="options">Where suites lie.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what happens to machines and jobs.</param>
public sealed class JobPlanner(
    OccurrenceStore occurrences, ScheduleStore schedules, JobStore jobs, MachineStore machines, ResultTaker taker, JobSignal signal,
    SuiteApprovals approvals, LabOptions options, TimeProvider clock, ILogger<JobPlanner> logger)
{
    private readonly ConcurrentDictionary<string, (DateTime Written, Suite? Suite)> _suites = new(StringComparer.Ordinal);
    private readonly HashSet<string> _said = new(StringComparer.Ordinal);
    private readonly HashSet<string> _silent = new(StringComparer.Ordinal);
    private bool _settled;

    /// <summary>Whether a queued run is the machines' work; then it has its jobs, waits for a machine, or has ended.</summary>
    /// <param name="open">One that is due or running.</param>
    public bool Take(Occurrence open)
    {
        ArgumentNullException.ThrowIfNull(open);
        ImmutableArray<Job> has = jobs.Of(open.Id);
        if (!has.IsEmpty)
        {
            Follow(open, has);
            return true;
        }

        if (Read(open.Suite) is not { Placement: { } placement } suite) return false; // the server's own work, or its error to tell
        try
        {
            approvals.Check(suite);
        }
        catch (RequestException e)
        {
            occurrences.End(open.Id, OccurrenceState.Failed, $"{e.Message} {e.Hint}");
            return true;
        }

        IReadOnlyList<string?> targets = Targets(placement);
        if (targets.Count == 0)
        {
            if (occurrences.CancelAsked(open.Id)) occurrences.Claim(open.Id);
            if (_said.Add(open.Key))
                logger.LogWarning("{Key} waits: no living machine has {Labels}", open.Key, string.Join(", ", placement.Labels));
            return true;
        }

        // A machine that still has an earlier time of the schedule isn't given this one, too; the others are.
        if (open.Schedule is { } of && jobs.BusyWith(of) is { Count: > 0 } busy)
        {
            targets = placement.Any ? [] : [.. targets.Where(t => t is null || !busy.Contains(t))];
            if (targets.Count == 0) return true; // it waits, and a later time overtakes it
        }

        // Crash point: claimed, no jobs yet. The next look finds it running without jobs and adds them: their ids follow from its key.
        if (occurrences.Claim(open.Id) is not { } claimed) return true;
        jobs.Add(claimed.Id, claimed.Key, suite, claimed.Only,
            [claimed.Tag, .. claimed.Schedule is { } name ? (string[])["schedule:" + name] : []], targets);
        signal.Pulse();
        return true;
    }

    /// <summary>Looks after leases and machines; called every second.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        if (!_settled)
        {
            // What a server that died left between a decision and a folder.
            foreach (string job in jobs.Late().Select(r => r.Job).Distinct()) await taker.SettleAsync(job, cancellationToken);
            _settled = true;
        }

        IReadOnlyList<string> happened = jobs.Sweep();
        foreach (string what in happened) logger.LogWarning("{What}", what);
        if (happened.Count > 0) signal.Pulse();
        DateTimeOffset now = clock.GetUtcNow();
        foreach (Machine machine in machines.List())
        {
            // Once per silence, not every second.
            if (machine.IsAlive(now)) _silent.Remove(machine.Name);
            else if (_silent.Add(machine.Name))
                logger.LogWarning("machine {Machine} is silent since {Seen:u}; others go on", machine.Name, machine.Seen);
        }
    }

    /// <summary>What a machine runs by itself while it has no link: schedules of suites that are always its work.</summary>
    /// <param name="machine">The machine.</param>
    public ImmutableArray<AgentSchedule> SchedulesOf(Machine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return
        [
            .. from schedule in schedules.List()
               where !schedule.Paused
               let suite = Read(schedule.Suite)
               where suite is not null && IsAlwaysOf(suite, machine) && approvals.Missing(suite).IsEmpty
               select new AgentSchedule(schedule.Name, schedule.Cron.Text, schedule.Cron.Zone.Id, suite.Name, suite.Text),
        ];
    }

    /// <summary>Takes a run that a machine made without a link as the one that its schedule wanted.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="adopt">What it made.</param>
    /// <exception cref="RequestException">There is no such schedule or time, or it isn't the machine's.</exception>
    public AdoptAnswer Adopt(Machine machine, AgentAdopt adopt)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(adopt);
        if (schedules.Find(adopt.Schedule) is not { } schedule || Read(schedule.Suite) is not { } suite || !IsAlwaysOf(suite, machine))
            throw new RequestException($"there is no schedule '{adopt.Schedule}' of this machine.");
        if (schedule.Cron.Next(adopt.Due - TimeSpan.FromSeconds(1)) != adopt.Due)
            throw new RequestException($"the schedule '{adopt.Schedule}' has no time {adopt.Due:u}.");
        Occurrence of = occurrences.Adopt(schedule, adopt.Due);
        // The other machines' jobs, where nobody has made them yet.
        if (of.State == OccurrenceState.Due) Take(of);
        jobs.Add(of.Id, of.Key, suite, [], [of.Tag, "schedule:" + schedule.Name], [machine.Name]);
        string id = JobStore.IdOf(of.Key, machine.Name);
        return new AdoptAnswer(id, jobs.Adopt(id, machine.Name, adopt.Instance, adopt.RunId));
    }

    private static bool IsAlwaysOf(Suite suite, Machine machine) => suite.Placement is { Any: false } placement
        && (placement.Machines.IsEmpty ? MachineLabels.Broken(placement.Labels, machine.Labels) is null
            : placement.Machines.Contains(machine.Name));

    private void Follow(Occurrence open, ImmutableArray<Job> has)
    {
        if (occurrences.CancelAsked(open.Id)) jobs.Cancel(open.Id);
        if (open.RunId is null && has.Select(j => j.RunId).FirstOrDefault(r => r is not null) is { } first)
            occurrences.SetRun(open.Id, first);
        if (!has.All(j => j.IsOver)) return;
        string[] wrong =
        [
            .. has.Where(j => j.State is JobState.Failed or JobState.Quarantined)
                .Select(j => $"{j.Machine ?? j.Target}: {(j.State == JobState.Quarantined ? "quarantined: " : "")}{j.Message}"),
        ];
        occurrences.End(open.Id,
            wrong.Length > 0 ? OccurrenceState.Failed
                : has.Any(j => j.State == JobState.Cancelled) ? OccurrenceState.Cancelled : OccurrenceState.Done,
            wrong.Length > 0 ? string.Join("; ", wrong) : has.Length > 1 ? $"runs of {has.Length} machines" : null);
    }

    private IReadOnlyList<string?> Targets(SuitePlacement placement)
    {
        if (placement.Machines.Length > 0) return [.. placement.Machines];
        if (placement.Any) return [null];
        DateTimeOffset now = clock.GetUtcNow();
        return
        [
            .. machines.List().Where(m => m.IsAlive(now) && m.IsOpen && MachineLabels.Broken(placement.Labels, m.Labels) is null)
                .Select(m => m.Name),
        ];
    }

    // Read again only when the file changed: a queue may hold many runs of one suite.
    private Suite? Read(string path)
    {
        DateTime written = File.GetLastWriteTimeUtc(path);
        if (_suites.TryGetValue(path, out (DateTime Written, Suite? Suite) known) && known.Written == written) return known.Suite;
        Suite? suite = null;
        try
        {
            suite = SuiteLoader.Load(path, options.Engines);
        }
        catch (QuantBenchException)
        {
            // Whoever runs it says what is wrong.
        }

        _suites[path] = (written, suite);
        return suite;
    }
}
