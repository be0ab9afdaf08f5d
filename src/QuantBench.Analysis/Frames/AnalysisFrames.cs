using System.Collections.Immutable;
using QuantBench.Analysis.Claims;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Gates;
using QuantBench.Analysis.Limits;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Frames;

/// <summary>Every analysis as a frame of plain numbers, for export and further work. Relative differences are fractions: 0.02 is +2
/// %.</summary>
public static class AnalysisFrames
{
    /// <summary>Comparisons: one row per side, cell and metric.</summary>
    public static Frame Of(IReadOnlyList<RunComparison> comparisons)
    {
        ArgumentNullException.ThrowIfNull(comparisons);
        ComparisonRow[] rows = [.. comparisons.SelectMany(c => c.Rows.Select(r => new ComparisonRow(c, r)))];
        return Frame.Of(
            "comparison", rows, string.Join(' ', comparisons.Select(ComparisonText.Lead)),
            Text<ComparisonRow>("a", r => r.Side.A), Text<ComparisonRow>("b", r => r.Side.B),
            Text<ComparisonRow>("cell", r => r.Row.Cell), Text<ComparisonRow>("class_a", r => Class(r.Row.ClassA)),
            Text<ComparisonRow>("class_b", r => Class(r.Row.ClassB)), Text<ComparisonRow>("metric", r => r.Row.Metric.Name),
            Text<ComparisonRow>("unit", r => r.Row.Metric.Unit), Number<ComparisonRow>("value_a", r => r.Row.A.Value),
            Number<ComparisonRow>("value_b", r => r.Row.B.Value), Number<ComparisonRow>("difference", r => r.Row.Difference),
            Text<ComparisonRow>("difference_kind", r => r.Row.Absolute ? "absolute" : "relative"),
            Number<ComparisonRow>("difference_low", r => r.Row.Interval?.Low),
            Number<ComparisonRow>("difference_high", r => r.Row.Interval?.High),
            Number<ComparisonRow>("p", r => r.Row.PValue), Number<ComparisonRow>("p_adjusted", r => r.Row.AdjustedP),
            Number<ComparisonRow>("effect", r => r.Row.Effect), Text<ComparisonRow>("verdict", r => ComparisonText.Word(r.Row.Verdict)),
            Text<ComparisonRow>("note", r => r.Row.Note), Text<ComparisonRow>("mark_a", r => Mark(r.Row.A)),
            Text<ComparisonRow>("mark_b", r => Mark(r.Row.B)));
    }

    /// <summary>Fronts: one row per candidate, a column with its interval per axis.</summary>
    public static Frame Of(IReadOnlyList<ParetoFront> fronts)
    {
        ArgumentNullException.ThrowIfNull(fronts);
        ParetoRow[] rows =
        [
            .. fronts.SelectMany(f =>
                f.Points.Select(p => new ParetoRow(f, p, null)).Concat(f.Dropped.Select(d => new ParetoRow(f, null, d)))),
        ];
        List<FrameColumn<ParetoRow>> columns =
        [
            Text<ParetoRow>("model", r => r.Front.Model),
            Text<ParetoRow>("variant", r => r.Point?.Candidate.Variant.Id ?? r.Dropped?.Name),
            Text<ParetoRow>("backend", r => r.Point?.Candidate.Backend.ToString()),
            Text<ParetoRow>("class", r => Class(r.Point?.Candidate.Class)),
        ];
        for (int i = 0; i < (fronts.Count == 0 ? 0 : fronts[0].Axes.Length); i++)
        {
            int axis = i;
            string name = fronts[0].Axes[i].ToString();
            string? unit = fronts[0].Axes[i].Definition.Unit is var u && u == "1" ? null : u;
            columns.Add(Number<ParetoRow>(name, r => r.Point?.Figures[axis].Value, unit));
            columns.Add(Number<ParetoRow>($"{name}_low", r => r.Point?.Figures[axis].Low, unit));
            columns.Add(Number<ParetoRow>($"{name}_high", r => r.Point?.Figures[axis].High, unit));
        }

        columns.Add(Text<ParetoRow>("place", r => r.Point is { } p ? DecisionText.Word(p.Place) : "no figure"));
        columns.Add(Text<ParetoRow>("note", r => r.Point is { BeatenBy: { } by } ? $"beaten by {by}" : r.Dropped?.Reason));
        return Frame.Of("pareto", rows, string.Join(' ', fronts.Select(DecisionText.Lead)), [.. columns])
            with
        { Notes = [.. fronts.SelectMany(f => f.Notes).Distinct()] };
    }

    /// <summary>Recommendations: one row per candidate and limit.</summary>
    public static Frame Of(IReadOnlyList<Recommendation> recommendations)
    {
        ArgumentNullException.ThrowIfNull(recommendations);
        LimitRow[] rows =
        [
            .. recommendations.SelectMany(r => r.Ranked.Concat(r.Losers).SelectMany(c => c.Checks.Select(k => new LimitRow(r, c, k)))),
        ];
        return Frame.Of(
            "recommendation", rows, string.Join(' ', recommendations.Select(DecisionText.Lead)),
            Text<LimitRow>("model", r => r.Of.Model), Text<LimitRow>("profile", r => r.Of.Profile.Name),
            Number<LimitRow>("rank", r => r.Of.Ranked.IndexOf(r.Who) is >= 0 and var at ? at + 1 : null),
            Text<LimitRow>("variant", r => r.Who.Candidate.Variant.Id), Text<LimitRow>("backend", r => r.Who.Candidate.Backend.ToString()),
            Text<LimitRow>("class", r => Class(r.Who.Candidate.Class)), Flag<LimitRow>("fits", r => r.Who.Fits),
            Text<LimitRow>("preferred", r => r.Of.Profile.Prefer[0].ToString()),
            Number<LimitRow>("preferred_value", r => r.Who.Preferred[0].Value),
            Text<LimitRow>("metric", r => r.Check.Bound.Metric.ToString()),
            Text<LimitRow>("unit", r => r.Check.Bound.Metric.Definition.Unit),
            Text<LimitRow>("side", r => r.Check.Bound.IsMax ? "max" : "min"), Number<LimitRow>("limit", r => r.Check.Bound.Limit),
            Number<LimitRow>("value", r => r.Check.Figure.Value), Number<LimitRow>("value_low", r => r.Check.Figure.Estimate?.Low),
            Number<LimitRow>("value_high", r => r.Check.Figure.Estimate?.High), Number<LimitRow>("share_of_limit", r => r.Check.Use),
            Text<LimitRow>("standing", r => r.Check.Word()), Text<LimitRow>("why_lost", r => r.Who.Fits ? null : DecisionText.Why(r.Who)),
            Text<LimitRow>("note", r => r.Who.Fits ? DecisionText.Note(r.Of, r.Who) : null))
            with
        { Notes = [.. recommendations.SelectMany(r => r.Notes).Distinct()] };
    }

    /// <summary>Gates: one row per gate and variant.</summary>
    public static Frame Of(GateReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return Frame.Of(
            "gates", report.Results, GateText.Lead(report),
            Text<GateResult>("gate", r => r.Rule.Name), Text<GateResult>("variant", r => r.Name),
            Text<GateResult>("class", r => Class(r.Candidate?.Class)),
            Text<GateResult>("metric", r => r.Rule.Metric.ToString()),
            Text<GateResult>("unit", r => r.Rule.Bounds[0].Relative ? "1" : r.Rule.Metric.Definition.Unit),
            Number<GateResult>("value", r => r.Checks.IsEmpty ? null : r.Checks[0].Figure.Value),
            Number<GateResult>("value_low", r => r.Checks.IsEmpty ? null : r.Checks[0].Figure.Estimate?.Low),
            Number<GateResult>("value_high", r => r.Checks.IsEmpty ? null : r.Checks[0].Figure.Estimate?.High),
            Text<GateResult>("limit", GateText.Limits), Flag<GateResult>("passed", r => r.Passed),
            Text<GateResult>("reason", r => r.Reason), Text<GateResult>("place", r => r.Rule.Place)) with
        { Notes = report.Notes };
    }

    /// <summary>Trends: one row per series and run.</summary>
    public static Frame Of(TrendReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        string? unit = report.Metric.Unit == "1" ? null : report.Metric.Unit;
        TrendRow[] rows =
        [
            .. report.Series.SelectMany(s => s.Points.Select((p, i) => new TrendRow(s, p, s.Changes.FirstOrDefault(c => c.Index == i)))),
        ];
        return Frame.Of(
            "trend", rows, TrendText.Lead(report),
            Text<TrendRow>("machine", r => r.Series.Host), Text<TrendRow>("cell", r => r.Series.CellId),
            Text<TrendRow>("title", r => r.Series.Title), Text<TrendRow>("class", r => Class(r.Series.Class)),
            Text<TrendRow>("metric", r => r.Series.Metric.Name),
            Text<TrendRow>("run", r => r.Point.RunId),
            Text<TrendRow>("started",
                r => r.Point.Started.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture)),
            Number<TrendRow>("value", r => r.Point.Value, unit), Number<TrendRow>("low", r => r.Point.Interval?.Low, unit),
            Number<TrendRow>("high", r => r.Point.Interval?.High, unit),
            Number<TrendRow>("change", r => r.Change?.Difference),
            Text<TrendRow>("change_kind", r => r.Change is null ? null : r.Change.Absolute ? "absolute" : "relative"),
            Number<TrendRow>("change_low", r => r.Change?.Interval.Low),
            Number<TrendRow>("change_high", r => r.Change?.Interval.High), Number<TrendRow>("p", r => r.Change?.PValue),
            Flag<TrendRow>("worse", r => r.Change?.Worse), Text<TrendRow>("state", r => r.Change?.State.ToString().ToLowerInvariant()),
            Text<TrendRow>("commit", r => r.Change?.Commit));
    }

    /// <summary>Claims: one row per claim, base, model, backend and figure.</summary>
    public static Frame Of(ImmutableArray<ClaimFinding> findings)
    {
        ClaimRow[] rows =
        [
            .. findings.SelectMany(f => f.Evidence.IsEmpty ? [new ClaimRow(f, null)] : f.Evidence.Select(e => new ClaimRow(f, e))),
        ];
        return Frame.Of(
            "claims", rows, ClaimText.Lead(findings),
            Text<ClaimRow>("id", r => r.Finding.Claim.Id), Text<ClaimRow>("claim", r => r.Finding.Claim.Text),
            Text<ClaimRow>("model", r => r.Finding.Model), Text<ClaimRow>("backend", r => r.Finding.Backend),
            Text<ClaimRow>("base", r => r.Finding.Base?.Id), Text<ClaimRow>("verdict", r => ClaimText.Word(r.Finding.Verdict)),
            Text<ClaimRow>("variant", r => r.Evidence?.Variant), Text<ClaimRow>("class", r => Class(r.Evidence?.Class)),
            Text<ClaimRow>("figure", r => r.Evidence?.Figure), Text<ClaimRow>("claimed", r => r.Evidence?.Claimed),
            Text<ClaimRow>("figure_verdict", r => r.Evidence is { } e ? ClaimText.Word(e.Verdict) : null),
            Text<ClaimRow>("reason", r => r.Finding.Reason));
    }

    private static string? Class(PrecisionClass? precision) => precision is { } known ? Format.Class(known) : null;

    private static FrameColumn<T> Text<T>(string name, Func<T, string?> value) => FrameColumn<T>.Text(name, value);

    private static FrameColumn<T> Number<T>(string name, Func<T, double?> value, string? unit = null) =>
        FrameColumn<T>.Number(name, value, unit);

    private static FrameColumn<T> Flag<T>(string name, Func<T, bool?> value) => FrameColumn<T>.Flag(name, value);

    private static string? Mark(Measurement figure) => figure.Mark?.ToString().ToLowerInvariant();

    private readonly record struct ComparisonRow(RunComparison Side, MetricComparison Row);

    private readonly record struct ParetoRow(ParetoFront Front, ParetoPoint? Point, ParetoDropped? Dropped);

    private readonly record struct LimitRow(Recommendation Of, Contender Who, BoundCheck Check);

    private readonly record struct TrendRow(TrendSeries Series, TrendPoint Point, TrendChange? Change);

    private readonly record struct ClaimRow(ClaimFinding Finding, ClaimEvidence? Evidence);
}
