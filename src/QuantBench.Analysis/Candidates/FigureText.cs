using System.Globalization;
using QuantBench.Analysis.Estimates;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Candidates;

/// <summary>Figures of decisions in words: with their interval, or <c>exact</c>, or why there is none.</summary>
internal static class FigureText
{
    /// <summary>A number of a metric with its unit and no interval.</summary>
    public static string Plain(double value, MetricDefinition metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        return metric.IsChange ? Format.Change(value) : Format.Value(value, metric);
    }

    /// <summary>A limit as it was given: no digits that nobody wrote.</summary>
    public static string Limit(double value, MetricDefinition metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        if (metric.IsPercent) return $"{Short(value * 100)}\u00a0%";
        if (metric.Unit == "B")
        {
            if (ByteUnits.IsDecimal) return Format.Bytes(value);
            (string Unit, double Bytes)[] units = [("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10)];
            (string unit, double bytes) = units.FirstOrDefault(u => value >= u.Bytes && value % u.Bytes == 0);
            return bytes > 0 ? $"{Short(value / bytes)}\u00a0{unit}" : Format.Bytes(value);
        }

        return metric.Unit == "1" ? Short(value) : $"{Short(value)}\u00a0{metric.Unit}";
    }

    /// <summary>A figure with its interval.</summary>
    /// <param name="figure">The figure.</param>
    /// <param name="metric">Its metric.</param>
    /// <param name="relative">Whether it is a relative difference.</param>
    public static string Of(CandidateFigure figure, MetricDefinition metric, bool relative = false)
    {
        ArgumentNullException.ThrowIfNull(figure);
        return figure.Estimate is { } estimate ? Of(estimate, metric, relative) : Format.Missing;
    }

    /// <summary>An estimate with its interval.</summary>
    public static string Of(Estimate estimate, MetricDefinition metric, bool relative = false)
    {
        ArgumentNullException.ThrowIfNull(metric);
        bool change = relative || metric.IsChange;
        if (estimate.Certainty != Certainty.Interval) return change ? Format.Change(estimate.Value) : Plain(estimate.Value, metric);
        if (change) return $"{Format.Change(estimate.Value)} ({Format.ChangeInterval(new Interval(estimate.Low, estimate.High))})";
        if (metric.IsShare)
        {
            // Beyond none and all there is nothing, whatever the normal approximation says.
            (double low, double high) = (Math.Clamp(estimate.Low, 0, 1) * 100, Math.Clamp(estimate.High, 0, 1) * 100);
            return $"{Format.Share(estimate.Value)} ({Format.Interval(low, high)}{'\u00a0'}%)";
        }

        if (metric.Unit == "B") return $"{Format.Bytes(estimate.Value)} ({Format.Bytes(estimate.Low)}–{Format.Bytes(estimate.High)})";
        double[] ends = [estimate.Low, estimate.High];
        string unit = metric.Unit == "1" ? "" : '\u00a0' + metric.Unit;
        return estimate.High > estimate.Low
            ? $"{Within(estimate.Value, ends)} ({Interval(estimate.Low, estimate.High)}){unit}"
            : Plain(estimate.Value, metric);
    }

    private static string Short(double value) =>
        value.ToString("0.######", System.Globalization.CultureInfo.InvariantCulture).Replace('-', '−');

    // Tiny divergences would print as rows of zeros; they go by significant digits.
    private static string Within(double value, double[] ends) =>
        Math.Abs(value) is > 0 and < 1e-4 ? value.ToString("0.00e0", CultureInfo.InvariantCulture).Replace('-', '−')
            : Format.WithinInterval(value, ends);

    private static string Interval(double low, double high) =>
        Math.Max(Math.Abs(low), Math.Abs(high)) is > 0 and < 1e-4
            ? string.Create(CultureInfo.InvariantCulture, $"{low:0.00e0}–{high:0.00e0}").Replace('-', '−')
            : Format.Interval(low, high);
}
