using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Limits;
using QuantBench.Dashboard.Matrix;

namespace QuantBench.Dashboard.Queries;

/// <summary>A limit as its field and slider show it; the slider runs over decades.</summary>
/// <param name="Name">The metric.</param>
/// <param name="Title">The metric in words.</param>
/// <param name="Parameter">Its name in addresses.</param>
/// <param name="IsMax">Whether it is a most.</param>
/// <param name="Number">The limit as a number of <paramref name="Unit"/>.</param>
/// <param name="Unit">The unit.</param>
/// <param name="RangeLow">Log10 of the slider's low end.</param>
/// <param name="RangeHigh">Log10 of its high end.</param>
/// <param name="RangeValue">Log10 of the limit.</param>
/// <param name="Ticks">Place of each variant under the track, and whether it keeps the limit.</param>
/// <param name="Words">The limit with how many keep it.</param>
public sealed record LimitField(
    string Name, string Title, string Parameter, bool IsMax, string Number, string Unit, string RangeLow, string RangeHigh,
    string RangeValue, ImmutableArray<(string At, bool Keeps)> Ticks, string Words)
{
    /// <summary>Name of a limit in addresses.</summary>
    public static string ParameterOf(Bound bound)
    {
        ArgumentNullException.ThrowIfNull(bound);
        return $"limit.{bound.Metric.Metric}.{(bound.IsMax ? "max" : "min")}";
    }

    /// <summary>Shares are written as per cent.</summary>
    public static double Factor(Bound bound)
    {
        ArgumentNullException.ThrowIfNull(bound);
        return bound.Metric.Definition.IsPercent ? 0.01 : 1;
    }

    /// <summary>The field of a limit.</summary>
    /// <param name="bound">The limit.</param>
    /// <param name="set">What it is held against.</param>
    public static LimitField Of(Bound bound, CandidateSet set)
    {
        ArgumentNullException.ThrowIfNull(bound);
        ArgumentNullException.ThrowIfNull(set);
        (string unit, double divisor) = MatrixBuilder.UnitFor(bound.Metric.Definition, bound.Limit);
        double scale = divisor * Factor(bound);
        BoundCheck[] checks = [.. set.All.Select(c => BoundCheck.Of(bound, set.Figure(c, bound.Metric)))];
        double[] values = [.. checks.Select(c => c.Figure.Value).OfType<double>().Where(v => v > 0).Append(bound.Limit)];
        double low = Math.Floor(Math.Log10(values.Min() / scale) * 10) / 10;
        double high = Math.Ceiling(Math.Log10(values.Max() / scale) * 10) / 10;
        if (high - low < 0.2) (low, high) = (low - 0.1, high + 0.1);
        int keep = checks.Count(c => c.Keeps);
        return new LimitField(
            bound.Metric.Metric, MetricText.Title(bound.Metric.Definition), ParameterOf(bound), bound.IsMax,
            Text(Math.Round(bound.Limit / scale, 6)), Factor(bound) != 1 ? "%" : unit,
            Text(low), Text(high), Text(Math.Log10(bound.Limit / scale)),
            // filtered
            [.. checks.Where(c => c.Figure.Value is > 0)
                .Select(c => (Text(100 * (Math.Log10(c.Figure.Value!.Value / scale) - low) / (high - low)), c.Keeps))],
            $"{BoundCheck.LimitText(bound)}, {keep} of {checks.Length} variants keep it");
    }

    private static string Text(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);
}
