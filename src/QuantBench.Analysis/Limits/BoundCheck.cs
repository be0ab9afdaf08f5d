using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Limits;

namespace QuantBench.Analysis.Limits;

/// <summary>Where a figure stands to its limit.</summary>
public enum Standing
{
    /// <summary>Kept, and the whole interval keeps it (or the figure is exact, or a single observation).</summary>
    Kept,

    /// <summary>Kept by the estimate; the interval reaches past the limit.</summary>
    KeptNotShown,

    /// <summary>Broken by the estimate; the interval reaches back within the limit.</summary>
    BrokenNotShown,

    /// <summary>Broken, and the whole interval breaks it (or the figure is exact, or a single observation).</summary>
    Broken,

    /// <summary>There is no figure.</summary>
    NoFigure,
}

/// <summary>A limit held against a figure.</summary>
/// <param name="Bound">The limit.</param>
/// <param name="Figure">The figure, or why there is none.</param>
/// <param name="Standing">Where it stands.</param>
public sealed record BoundCheck(Bound Bound, CandidateFigure Figure, Standing Standing)
{
    /// <summary>Whether the estimate keeps the limit.</summary>
    public bool Keeps => Standing is Standing.Kept or Standing.KeptNotShown;

    /// <summary>
    /// Share of the limit that is used: figure over limit for a maximum, limit over figure for a minimum, and for a share of agreement the
    /// lost share over the loss allowed. 1 is at the limit, more is beyond; null without a figure.
    /// </summary>
    public double? Use => Figure.Value is { } value ? UseOf(value) : null;

    /// <summary>Holds a limit against a figure.</summary>
    public static BoundCheck Of(Bound bound, CandidateFigure figure)
    {
        ArgumentNullException.ThrowIfNull(bound);
        ArgumentNullException.ThrowIfNull(figure);
        if (figure.Estimate is not { } e) return new BoundCheck(bound, figure, Standing.NoFigure);
        bool Keeps(double value) => bound.IsMax ? value <= bound.Limit : value >= bound.Limit;
        bool all = Keeps(e.Low) && Keeps(e.High);
        bool any = Keeps(e.Low) || Keeps(e.High);
        return new BoundCheck(bound, figure,
            Keeps(e.Value) ? all ? Standing.Kept : Standing.KeptNotShown : any ? Standing.BrokenNotShown : Standing.Broken);
    }

    /// <summary>The limit as people write it, e.g. <c>rss_peak ≤ 2 GiB</c>, <c>perplexity ≤ +2.0 %</c>.</summary>
    public static string Text(Bound bound)
    {
        ArgumentNullException.ThrowIfNull(bound);
        return $"{bound.Metric} {(bound.IsMax ? "≤" : "≥")} {LimitText(bound)}";
    }

    /// <summary>The limit's value.</summary>
    public static string LimitText(Bound bound)
    {
        ArgumentNullException.ThrowIfNull(bound);
        return bound.Relative ? Format.Change(bound.Limit) : FigureText.Limit(bound.Limit, bound.Metric.Definition);
    }

    /// <summary>The figure with its interval, as far as known.</summary>
    public string FigureWithInterval() => FigureText.Of(Figure, Bound.Metric.Definition, Bound.Relative);

    /// <summary>The finding in words: <c>kept</c>, <c>kept, not shown: …</c>, <c>broken</c>, <c>no figure: …</c>.</summary>
    public string Word() => Standing switch
    {
        Standing.Kept => "kept",
        Standing.KeptNotShown => "kept by the estimate, not shown: the interval reaches past the limit",
        Standing.BrokenNotShown => "broken by the estimate, not shown: the interval reaches back within the limit",
        Standing.Broken => "broken",
        _ => $"no figure: {Figure.Reason}",
    };

    private double UseOf(double value)
    {
        // Of a share that should be near 1, what is left of the allowed loss: at 98 % of a required 95 %, two fifths are used.
        if (!Bound.IsMax && Bound.Metric.Definition is { IsShare: true, OfReference: 1.0 } && Bound.Limit < 1)
            return Math.Max(0, (1 - value) / (1 - Bound.Limit));
        if (Bound.IsMax) return Math.Max(0, value / Bound.Limit);
        return value > 0 ? Bound.Limit / value : double.PositiveInfinity;
    }
}
