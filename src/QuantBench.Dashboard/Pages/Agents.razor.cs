using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Text;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Alerts;
using LabMachine = QuantBench.Lab.Agents.Machine;

namespace QuantBench.Dashboard.Pages;

/// <summary>The lab's machines, what they run, what waits for them, and what was tried too often.</summary>
public sealed partial class Agents
{
    private ImmutableArray<LabMachine> _machines = [];
    private ImmutableArray<Job> _jobs = [];
    private ImmutableArray<JobRun> _late = [];
    private ImmutableArray<Alert> _alerts = [];
    private string? _paused;
    private string _lead = "";

    [Inject]
    private MachineStore Machines { get; set; } = null!;

    [Inject]
    private JobStore Jobs { get; set; } = null!;

    [Inject]
    private AlertStore Alerts { get; set; } = null!;

    [Inject]
    private LabPause Pause { get; set; } = null!;

    /// <inheritdoc/>
    protected override Task LoadAsync()
    {
        (_machines, _jobs, _late, _paused, _alerts) = (Machines.List(), Jobs.Open(), Jobs.Late(), Pause.Reason, Alerts.Latest());
        int alive = _machines.Count(m => m.IsAlive(Clock.GetUtcNow()));
        _lead = $"{Words.Count(_machines.Length, "machine", "machines")}, {alive} of them alive; "
            + $"{Words.Count(Of(JobState.Leased), "job runs", "jobs run")}, {Of(JobState.Queued)} wait"
            + $"{(Of(JobState.Quarantined) is > 0 and var bad ? $", {bad} in quarantine" : "")}.";
        return Task.CompletedTask;
    }

    private int Of(JobState state) => _jobs.Count(j => j.State == state);

    private Job? WorkOf(LabMachine machine) => _jobs.FirstOrDefault(j => j.State == JobState.Leased && j.Machine == machine.Name);

    private string WordOf(LabMachine machine) => !machine.IsAlive(Clock.GetUtcNow()) ? "silent"
        : machine.Drained ? "drained" : machine.Unfit is not null ? "unfit" : WorkOf(machine) is null ? "waits" : "works";

    private string MarkOf(LabMachine machine) => !machine.IsAlive(Clock.GetUtcNow()) ? "stale"
        : !machine.IsOpen ? "can" : WorkOf(machine) is null ? "ok" : "run";

    private static string MarkOf(Job job) => job.State switch
    {
        JobState.Leased => "run",
        JobState.Quarantined => "fail",
        _ => "",
    };

    private static string HealthOf(LabMachine machine) => string.Join(", ",
        machine.Health.Select(h => string.Create(CultureInfo.InvariantCulture, $"{h.Key} {h.Value:0.##}")));
}
