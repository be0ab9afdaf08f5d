using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Estimates;

/// <summary>How well a figure is known.</summary>
public enum Certainty
{
    /// <summary>Counted, not estimated: a file's size, or 0 by definition.</summary>
    Exact,

    /// <summary>Known within a 95 % interval.</summary>
    Interval,

    /// <summary>One observation, or no error recorded.</summary>
    Single,
}

/// <summary>A figure with its 95 % interval.</summary>
/// <param name="Value">The figure to quote.</param>
/// <param name="Low">Low end; the value itself unless <see cref="Certainty.Interval"/>.</param>
/// <param name="High">High end; the value itself unless <see cref="Certainty.Interval"/>.</param>
/// <param name="Certainty">How well it is known.</param>
public readonly record struct Estimate(double Value, double Low, double High, Certainty Certainty)
{
    /// <summary>97.5 % quantile of the standard normal distribution.</summary>
    internal const double Normal975 = 1.959963984540054;

    /// <summary>Standard error that the interval amounts to; 0 when there is none.</summary>
    public double Error => Certainty == Certainty.Interval ? (High - Low) / (2 * Normal975) : 0;

    /// <summary>A figure that is known exactly.</summary>
    public static Estimate Exactly(double value) => new(value, value, value, Certainty.Exact);

    /// <summary>A figure with its standard error.</summary>
    public static Estimate WithError(double value, double error) =>
        new(value, value - (Normal975 * error), value + (Normal975 * error), Certainty.Interval);

    /// <summary>A figure within an interval.</summary>
    public static Estimate Within(double value, Interval interval) => new(value, interval.Low, interval.High, Certainty.Interval);

    /// <summary>A measurement's figure.</summary>
    public static Estimate Of(Measurement measurement)
    {
        ArgumentNullException.ThrowIfNull(measurement);
        if (MetricTable.Find(measurement.Name) is { IsExact: true }) return Exactly(measurement.Value);
        if (measurement.Error is { } error && double.IsFinite(error)) return WithError(measurement.Value, error);
        // Earlier builds gave two observations an interval; it said nothing.
        if (measurement.Ci95 is [double low, double high] && low <= high && measurement.N is null or >= MeasurementBuilder.LeastSamples)
            return new Estimate(measurement.Value, low, high, Certainty.Interval);
        return new Estimate(measurement.Value, measurement.Value, measurement.Value, Certainty.Single);
    }
}
