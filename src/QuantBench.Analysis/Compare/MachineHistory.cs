using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Results.Store;

namespace QuantBench.Analysis.Compare;

/// <summary>What the store knows of how much figures vary from run to run. Each metric is read once. Not thread-safe.</summary>
/// <param name="reader">The store; stays open as long as this is used.</param>
public sealed class MachineHistory(AggregateReader reader)
{
    private readonly Dictionary<(string Machine, string Metric), ILookup<string, SeriesRow>> _series = [];

    /// <summary>Noise between runs of a cell's figure on a machine; null when there are too few runs of it.</summary>
    /// <param name="machine">Machine id.</param>
    /// <param name="cell">The cell's id.</param>
    /// <param name="metric">The metric.</param>
    /// <param name="without">Ids of the runs that are compared: they say nothing about themselves.</param>
    public RunNoise? Of(string machine, string cell, MetricDefinition metric, params ReadOnlySpan<string> without)
    {
        ArgumentNullException.ThrowIfNull(metric);
        if (!_series.TryGetValue((machine, metric.Name), out ILookup<string, SeriesRow>? cells))
        {
            cells = reader.Series(new SeriesQuery(metric.Name, Machine: machine)).Where(r => !r.IsDisturbed).ToLookup(r => r.CellId);
            _series[(machine, metric.Name)] = cells;
        }

        var values = new List<double>();
        foreach (SeriesRow row in cells[cell])
        {
            if (!without.Contains(row.RunId)) values.Add(row.Value);
        }

        return RunNoise.Of([.. values]);
    }
}
