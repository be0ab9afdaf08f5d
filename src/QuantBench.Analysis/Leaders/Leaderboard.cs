using System.Collections.Immutable;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Leaders;

/// <summary>A figure with its place.</summary>
/// <param name="Rank">One more than the number of figures that are shown to be better; null when nothing is known of its error, or it was
/// disturbed.</param>
/// <param name="Figure">The figure.</param>
public sealed record LeaderRow(int? Rank, LeaderFigure Figure);

/// <summary>Machines and variants of one model by one metric: the newest figure of each, measured in one way.</summary>
/// <param name="Metric">The metric.</param>
/// <param name="Way">Workload and settings of all rows.</param>
/// <param name="Ways">All ways in which the metric was measured, those of most figures first.</param>
/// <param name="Rows">The best first; figures that overlap share a rank.</param>
public sealed record Leaderboard(MetricDefinition Metric, string Way, ImmutableArray<string> Ways, ImmutableArray<LeaderRow> Rows)
{
    /// <summary>Ranks the figures of a model.</summary>
    /// <param name="metric">The metric; it has a better direction.</param>
    /// <param name="figures">Its figures, of any machine, run and settings.</param>
    /// <param name="way">Which way of measuring; null or unknown = that of most figures.</param>
    public static Leaderboard Of(MetricDefinition metric, IEnumerable<LeaderFigure> figures, string? way = null)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(figures);
        LeaderFigure[] newest =
        [
            .. figures.Where(f => double.IsFinite(f.Value)).GroupBy(f => (f.MachineId, f.Variant, f.Backend, f.Way))
                .Select(g => g.MaxBy(f => f.Started)!), // a group has one
        ];
        ImmutableArray<string> ways =
            [.. newest.GroupBy(f => f.Way).OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).Select(g => g.Key)];
        string chosen = way is not null && ways.Contains(way) ? way : ways.FirstOrDefault("");
        double sign = metric.Direction == Direction.Higher ? -1 : 1;
        LeaderFigure[] rows =
        [
            .. newest.Where(f => f.Way == chosen).OrderBy(f => f.IsDisturbed).ThenBy(f => sign * f.Value)
                .ThenBy(f => f.Variant, StringComparer.Ordinal).ThenBy(f => f.MachineId, StringComparer.Ordinal),
        ];
        bool exact = metric.Kind == MetricKind.Size;
        (double Best, double Worst)[] ends = [.. rows.Select(f => Ends(f, sign, exact))];
        // How many are surely better: those whose worst end lies before this one's best.
        double[] worst = [.. ends.Where((e, i) => !rows[i].IsDisturbed && !double.IsNaN(e.Worst)).Select(e => e.Worst).Order()];
        return new Leaderboard(metric, chosen, ways,
            [
                .. rows.Select((f, i) =>
                    new LeaderRow(f.IsDisturbed || double.IsNaN(ends[i].Best) ? null : 1 + Below(worst, ends[i].Best), f)),
            ]);
    }

    private static (double Best, double Worst) Ends(LeaderFigure figure, double sign, bool exact) => figure.Interval is { } interval
        ? sign > 0 ? (interval.Low, interval.High) : (-interval.High, -interval.Low)
        : exact ? (sign * figure.Value, sign * figure.Value) : (double.NaN, double.NaN);

    private static int Below(double[] sorted, double value)
    {
        int at = Array.BinarySearch(sorted, value);
        if (at < 0) return ~at;
        while (at > 0 && sorted[at - 1] == value) at--;
        return at;
    }
}
