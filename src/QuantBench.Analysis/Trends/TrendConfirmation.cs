using System.Collections.Immutable;
using QuantBench.Analysis.Compare;

namespace QuantBench.Analysis.Trends;

/// <summary>Decides recent changes to the worse by runs of two builds that took turns.</summary>
public static class TrendConfirmation
{
    /// <summary>The report with those changes confirmed or refuted; series that weren't measured stay as they are.</summary>
    /// <param name="report">The report.</param>
    /// <param name="pairs">The earlier build's runs with this one's, as they were measured.</param>
    public static TrendReport Apply(TrendReport report, ImmutableArray<(ComparisonSide Other, ComparisonSide Own)> pairs)
    {
        ArgumentNullException.ThrowIfNull(report);
        if (pairs.Length < 2) return report;
        RunComparison paired = RunComparer.ComparePaired(pairs);
        Dictionary<string, MetricComparison> byCell = [];
        foreach (MetricComparison row in paired.Rows.Where(r => r.Metric == report.Metric))
        {
            foreach (string id in pairs[0].Own.Cells.Where(c => c.Cell.Title == row.Cell).Select(c => c.Cell.Id.Value)) byCell[id] = row;
        }

        return report with
        {
            Series = [.. report.Series.Select(s => byCell.TryGetValue(s.CellId, out MetricComparison? row) ? Decide(s, row) : s)],
        };

        TrendSeries Decide(TrendSeries series, MetricComparison row) => row.Verdict is Verdict.NotComparable or Verdict.NoErrorKnown
            ? series : series with
            {
                Changes = [.. series.Changes.Select(c => c.Worse != true || c.Index < series.Points.Length - report.Recent ? c
                : c with { State = row.Verdict == Verdict.Worse ? ChangeState.Confirmed : ChangeState.Refuted })],
            };
    }
}
