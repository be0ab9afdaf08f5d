using QuantBench.Analysis.Formatting;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Leaders;

/// <summary>Ranked figures in words.</summary>
public static class LeaderText
{
    /// <summary>The figure with its unit and, where it was disturbed, its mark.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="figure">The figure.</param>
    public static string Value(MetricDefinition metric, LeaderFigure figure)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(figure);
        double[]? ends = figure.Interval is { } i ? [i.Low, i.High] : null;
        string text = metric.IsShare ? Format.Share(figure.Value) : Format.Value(figure.Value, metric, null, ends);
        return MarkText.With(text, figure.IsDisturbed ? FigureMark.Disturbed : null);
    }

    /// <summary>Its 95 % interval, <c>exact</c> for what is counted, or that none is known.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="figure">The figure.</param>
    public static string Ends(MetricDefinition metric, LeaderFigure figure)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(figure);
        if (figure.Interval is not { } i) return metric.IsExact ? "exact" : "none known";
        double factor = metric.IsShare ? 100 : 1;
        return Format.Interval(i.Low * factor, i.High * factor) + (metric.IsShare ? "\u00a0%" : "");
    }

    /// <summary>Its rank as pages print it.</summary>
    public static string Rank(LeaderRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Rank is { } rank ? Format.Count(rank) : Format.Missing;
    }

    /// <summary>How ranks are to be read, in a sentence.</summary>
    public static string Reading => "A rank is one more than the number of figures shown to be better: where intervals overlap, ranks are "
        + "shared. The newest figure of each variant and machine counts; a disturbed one, or one without a known error, has no rank.";
}
