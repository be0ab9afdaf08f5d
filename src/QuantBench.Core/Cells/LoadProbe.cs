using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Metrics;

namespace QuantBench.Core.Cells;

/// <summary>
/// One of the loads by which a search looked for a server's capacity. They stand among the cell's conditions as <c>probe_L.N_METRIC</c>
/// (launch and number of the load), with <c>_low</c> and <c>_high</c> behind it for the ends of the 95 % interval.
/// </summary>
/// <param name="Name">What it is called.</param>
/// <param name="Rate">Requests answered per second.</param>
/// <param name="FirstToken">Time to the first token in milliseconds, the median.</param>
/// <param name="Tail">Its 99th percentile; null where requests were too few.</param>
public sealed record LoadProbe(string Name, Measurement Rate, Measurement FirstToken, double? Tail)
{
    private const string Prefix = "probe_";
    private const string Low = "_low";
    private const string High = "_high";

    /// <summary>A load as conditions of its cell.</summary>
    /// <param name="launch">Number of the launch, from 1.</param>
    /// <param name="number">Number of the load in it, from 1.</param>
    /// <param name="figures">What it came to; the three of a probe are taken.</param>
    public static IEnumerable<KeyValuePair<string, double>> ToConditions(int launch, int number, IEnumerable<Measurement> figures)
    {
        string of = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{launch}.{number}_");
        foreach (Measurement figure in figures.Where(f => f.Name == MetricTable.RequestsPerSecond.Name
            || f.Name == MetricTable.ServedFirstToken.Name || f.Name == MetricTable.ServedFirstTokenTail.Name))
        {
            yield return new(of + figure.Name, figure.Value);
            if (figure.Ci95 is not [double low, double high]) continue;
            yield return new(of + figure.Name + Low, low);
            yield return new(of + figure.Name + High, high);
        }
    }

    /// <summary>The loads of a cell, in their order; none where it didn't search.</summary>
    /// <param name="cell">A cell.</param>
    public static ImmutableArray<LoadProbe> Of(CellResult cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        string end = "_" + MetricTable.RequestsPerSecond.Name;
        return
        [
            .. cell.Conditions.Keys
                .Where(k => k.StartsWith(Prefix, StringComparison.Ordinal) && k.EndsWith(end, StringComparison.Ordinal))
                .Select(k => Probe(k[Prefix.Length..^end.Length])).OfType<LoadProbe>(),
        ];

        LoadProbe? Probe(string name) =>
            Figure(name, MetricTable.RequestsPerSecond) is { Value: > 0 } rate && Figure(name, MetricTable.ServedFirstToken) is { } first
                ? new LoadProbe($"probe {name}", rate, first, Figure(name, MetricTable.ServedFirstTokenTail)?.Value) : null;

        Measurement? Figure(string name, MetricDefinition metric)
        {
            string key = $"{Prefix}{name}_{metric.Name}";
            if (!cell.Conditions.TryGetValue(key, out double value)) return null;
            Measurement figure = Measurement.Of(metric.Name, value);
            return cell.Conditions.TryGetValue(key + Low, out double low) && cell.Conditions.TryGetValue(key + High, out double high)
                ? figure with { Ci95 = [low, high] } : figure;
        }
    }
}
