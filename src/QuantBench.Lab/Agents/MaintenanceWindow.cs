using QuantBench.Core.Suites;

namespace QuantBench.Lab.Agents;

/// <summary>A time, again and again, in which a machine gets no new jobs; what runs goes on.</summary>
/// <param name="Machine">The machine; null = every one.</param>
/// <param name="Cron">When it begins.</param>
/// <param name="Zone">Time zone of that.</param>
/// <param name="Minutes">How long it lasts.</param>
public sealed record MaintenanceWindow(string? Machine, string Cron, string Zone, int Minutes)
{
    /// <summary>Longest window in minutes: a week.</summary>
    public const int MostMinutes = 7 * 24 * 60;

    private const int MostBeginnings = 100_000; // of a window that begins every second and lasts for a day

    /// <summary>Whether a machine is held back by it.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="now">Now.</param>
    public bool Holds(string machine, DateTimeOffset now) => (Machine is null || Machine == machine)
        && CronTimes.TryParse(Cron, Zone, out CronTimes? times, out _, mustCome: false)
        && times.Between(now - TimeSpan.FromMinutes(Minutes), now, MostBeginnings).Count > 0;

    /// <summary>It in words, as lists and the audit log have it.</summary>
    public override string ToString() => $"{Machine ?? "every machine"}: {Cron} ({Zone}), {Minutes} min";
}
