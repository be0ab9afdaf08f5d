using System.Collections.Immutable;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Statistics;
using QuantBench.Lab.Reviews;

namespace QuantBench.Dashboard.Queries;

/// <summary>A change of level as its row shows it.</summary>
/// <param name="Series">The series.</param>
/// <param name="Change">The change.</param>
/// <param name="Key">Its name for reviews.</param>
/// <param name="Review">Who acknowledged it; null while nobody has.</param>
/// <param name="Before">The median before, with the unit.</param>
/// <param name="After">The median after.</param>
public sealed record ChangeView(TrendSeries Series, TrendChange Change, ChangeKey Key, ChangeReview? Review, string Before, string After)
{
    private static readonly double[] s_ranges = [0.02, 0.05, 0.1, 0.2, 0.5, 1];

    /// <summary>Whether somebody still has to look at it: a gain is no work.</summary>
    public bool IsOpen => Review is null && ReviewCounter.IsWork(Change);

    /// <summary>When the first run on the new level was made.</summary>
    public DateTimeOffset At => Series.Points[Change.Index].Started;

    /// <summary>The verdict, for chip and bar.</summary>
    public Verdict Verdict => Change.Worse switch { true => Verdict.Worse, false => Verdict.Better, _ => Verdict.Different };

    /// <summary>Makes the row of a change.</summary>
    public static ChangeView Of(TrendSeries series, TrendChange change, ImmutableDictionary<ChangeKey, ChangeReview> reviews)
    {
        ChangeKey key = ReviewCounter.KeyOf(series, change);
        int at = series.Changes.IndexOf(change);
        int start = at == 0 ? 0 : series.Changes[at - 1].Index;
        int end = at + 1 < series.Changes.Length ? series.Changes[at + 1].Index : series.Points.Length;
        string Level(int from, int to) =>
            Format.Value(Descriptive.Median([.. series.Points[from..to].Select(p => p.Value)]), series.Metric);
        return new ChangeView(series, change, key, reviews.GetValueOrDefault(key), Level(start, change.Index), Level(change.Index, end));
    }

    /// <summary>The one range of the bars of a table.</summary>
    public static double RangeOf(IEnumerable<ChangeView> changes)
    {
        double reach = changes.Max(c => Math.Max(Math.Abs(c.Change.Interval.Low), Math.Abs(c.Change.Interval.High)));
        return s_ranges.FirstOrDefault(r => r >= reach, 1);
    }
}
