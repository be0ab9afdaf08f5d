using System.Diagnostics.Metrics;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Queue;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Api;

/// <summary>The lab's own figures for Prometheus.</summary>
internal sealed class LabMetrics : IDisposable
{
    public const string MeterName = "QuantBench";

    private readonly Meter _meter = new(MeterName);

    public LabMetrics(StoredRuns stored, OccurrenceStore queue, SuiteMetrics suites, SchedulerState scheduler, MachineStore machines,
        JobStore jobs, TimeProvider clock)
    {
        _meter.CreateObservableGauge("quantbench_runs", stored.CountRuns, description: "Runs in the store");
        _meter.CreateObservableGauge("quantbench_cells", stored.CountCells, description: "Finished cells in the store");
        _meter.CreateObservableGauge("quantbench_queue_waiting", () => queue.Open().Count(o => o.State == OccurrenceState.Due),
            description: "Queued runs that wait");
        _meter.CreateObservableGauge("quantbench_queue_running", () => queue.Open().Count(o => o.State == OccurrenceState.Running),
            description: "Queued runs that are being measured");
        _meter.CreateObservableGauge("quantbench_queue_oldest_waiting_seconds",
            () => queue.Open().Where(o => o.State == OccurrenceState.Due).Select(o => (clock.GetUtcNow() - o.Due).TotalSeconds)
                .DefaultIfEmpty(0).Max(), description: "How long the run that waits longest has been due");
        _meter.CreateObservableGauge("quantbench_scheduler_active", () => scheduler.IsOn ? 1 : 0,
            description: "1 where this server starts queued runs");
        _meter.CreateObservableGauge("quantbench_machines", () => Count(machines.List().Select(m => !m.IsAlive(clock.GetUtcNow()) ? "silent"
            : m.Drained ? "drained" : m.Unfit is null ? "alive" : "unfit"), "alive", "silent", "drained", "unfit"),
            description: "Machines of the lab, by state");
        _meter.CreateObservableGauge("quantbench_jobs", () => Count(jobs.Open().Select(j => j.State.ToString().ToLowerInvariant()),
            "queued", "leased", "quarantined"), description: "Jobs of machines that aren't over, by state");
        suites.AddTo(_meter);
        Uploads = _meter.CreateCounter<long>("quantbench_uploads", description: "Run bundles taken in or refused");
    }

    /// <summary>Run bundles, by outcome.</summary>
    public Counter<long> Uploads { get; }

    public void Dispose() => _meter.Dispose();

    // Also what there is none of: an alert compares with 0.
    private static IEnumerable<Measurement<int>> Count(IEnumerable<string> found, params string[] states)
    {
        ILookup<string, string> by = found.ToLookup(s => s);
        return states.Select(s => new Measurement<int>(by[s].Count(), KeyValuePair.Create<string, object?>("state", s)));
    }
}
