using System.Collections.Immutable;
using QuantBench.Core.Metrics;

namespace QuantBench.Core.Statistics;

/// <summary>Turns raw samples into a measurement.</summary>
public static class MeasurementBuilder
{
    /// <summary>
    /// A timing: value = median; mean, sd, min, max, bootstrap interval of the median and the samples; percentiles only with enough
    /// samples.
    /// </summary>
    /// <param name="metric">A metric's name.</param>
    /// <param name="samples">At least one sample in the metric's unit, in the order taken.</param>
    /// <param name="notes">Marks on the figure.</param>
    public static Measurement FromSamples(string metric, double[] samples, params ReadOnlySpan<string> notes)
    {
        ArgumentNullException.ThrowIfNull(samples);
        double[] sorted = [.. samples];
        Array.Sort(sorted);
        Interval interval = Bootstrap.Median(samples);
        double median = Descriptive.Quantile(sorted, 0.5);
        return Measurement.Of(metric, median, n: samples.Length) with
        {
            Mean = Descriptive.Mean(samples),
            StandardDeviation = Descriptive.StandardDeviation(samples),
            Median = median,
            Min = sorted[0],
            Max = sorted[^1],
            P90 = samples.Length >= Descriptive.P90Observations ? Descriptive.Quantile(sorted, 0.90) : null,
            P95 = samples.Length >= Descriptive.P95Observations ? Descriptive.Quantile(sorted, 0.95) : null,
            P99 = samples.Length >= Descriptive.P99Observations ? Descriptive.Quantile(sorted, 0.99) : null,
            Ci95 = [interval.Low, interval.High],
            Samples = samples,
            Notes = notes.IsEmpty ? null : ImmutableArray.Create(notes),
        };
    }
}
