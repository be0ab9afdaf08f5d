using System.Globalization;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Queue;

namespace QuantBench.Lab.Alerts;

/// <summary>Alerts about queued runs, jobs and machines.</summary>
/// <param name="occurrences">The queue.</param>
/// <param name="jobs">The jobs.</param>
/// <param name="machines">The machines.</param>
/// <param name="clock">The one clock.</param>
public sealed class LabAlerts(OccurrenceStore occurrences, JobStore jobs, MachineStore machines, TimeProvider clock) : IAlertSource
{
    private readonly DateTimeOffset _started = clock.GetUtcNow();

    /// <inheritdoc/>
    public IEnumerable<Alert> Look(AlertSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        DateTimeOffset now = clock.GetUtcNow();
        DateTimeOffset since = settings.Since > now - AlertStore.Fresh ? settings.Since : now - AlertStore.Fresh;
        foreach (Occurrence one in occurrences.WrongSince(since))
        {
            DateTimeOffset at = one.Ended ?? one.Due;
            string why = one.Message is null ? "" : $": {one.Message}";
            yield return one.State == OccurrenceState.Missed
                ? new Alert($"missed {one.Key}", AlertKinds.RunMissed, $"run {one.Key} was missed{why}", at)
                : new Alert(Invariant($"failed {one.Key} {at.ToUnixTimeMilliseconds()}"), AlertKinds.RunFailed,
                    $"run {one.Key} failed{why}", at);
        }

        foreach (Job job in jobs.Open().Where(j => j.State == JobState.Quarantined && j.Ended >= since))
        {
            yield return new Alert(Invariant($"quarantined {job.Id} {job.Epoch}"), AlertKinds.JobQuarantined,
                $"job {job.Key} is in quarantine: {job.Message}", job.Ended ?? now);
        }

        var silence = TimeSpan.FromMinutes(settings.SilentMinutes);
        foreach (Machine machine in machines.List().Where(m => !m.Drained))
        {
            // A server that was away itself heard of nobody.
            if (now - machine.Seen >= silence && now - _started >= silence && machine.Seen >= since)
            {
                yield return new Alert(Invariant($"silent {machine.Name} {machine.Seen.ToUnixTimeMilliseconds()}"),
                    AlertKinds.MachineSilent, Invariant($"machine {machine.Name} is silent since {machine.Seen:u}"), now);
            }

            if (machine.Unfit is { } unfit && unfit.Since >= since)
            {
                yield return new Alert(Invariant($"unfit {machine.Name} {unfit.Since.ToUnixTimeMilliseconds()}"), AlertKinds.MachineUnfit,
                    $"machine {machine.Name} takes no jobs: {unfit.Why}", unfit.Since);
            }
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
