using System.Diagnostics.Metrics;
using QuantBench.Lab.Queue;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Api;

/// <summary>The lab's own figures for Prometheus.</summary>
internal sealed class LabMetrics : IDisposable
{
    public const string MeterName = "QuantBench";

    private readonly Meter _meter = new(MeterName);

    public LabMetrics(ResultStore store, OccurrenceStore queue)
    {
        _meter.CreateObservableGauge("quantbench_runs", () => Count(store, c => c.Runs.Count()), description: "Runs in the store");
        _meter.CreateObservableGauge("quantbench_cells", () => Count(store, c => c.Cells.Count()),
            description: "Finished cells in the store");
        _meter.CreateObservableGauge("quantbench_queue_waiting", () => queue.Open().Count(o => o.State == OccurrenceState.Due),
            description: "Queued runs that wait");
        _meter.CreateObservableGauge("quantbench_queue_running", () => queue.Open().Count(o => o.State == OccurrenceState.Running),
            description: "Queued runs that are being measured");
        Uploads = _meter.CreateCounter<long>("quantbench_uploads", description: "Run bundles taken in or refused");
    }

    /// <summary>Run bundles, by outcome.</summary>
    public Counter<long> Uploads { get; }

    public void Dispose() => _meter.Dispose();

    private static int Count(ResultStore store, Func<StoreContext, int> count)
    {
        using StoreContext context = store.OpenContext();
        return count(context);
    }
}
