using QuantBench.Analysis.Formatting;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Trends;

/// <summary>Trends in sentences.</summary>
public static class TrendText
{
    /// <summary>The answer in one sentence.</summary>
    public static string Lead(TrendReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        string metric = report.Metric.Name;
        if (report.Series.IsEmpty) return $"{metric}: no run in the store has it.";
        int changed = report.Series.Count(s => !s.Changes.IsEmpty);
        int alerts = report.Alerts.Length;
        int tooShort = report.Series.Count(s => s.TooShort is not null);
        string of = $"{Format.Count(report.Series.Length)} series of machine and cell";
        string text = alerts > 0
            ? $"{metric} got worse in the last {Format.Count(report.Recent)} runs of {Format.Count(report.Alerts.Select(a => a.Series).Distinct().Count())} of {of}"
            : $"{metric}: no recent change to the worse in {of}";
        text += changed == 0 ? "; no change point" : $"; {Format.Count(changed)} {(changed == 1 ? "has" : "have")} a change point at any time";
        return tooShort == 0 ? text + "." : $"{text}; {Format.Count(tooShort)} {(tooShort == 1 ? "is" : "are")} too short to judge.";
    }

    /// <summary>A change in one sentence: what, by how much, in which run and commit, and what else changed there.</summary>
    public static string Sentence(TrendSeries series, TrendChange change)
    {
        ArgumentNullException.ThrowIfNull(series);
        ArgumentNullException.ThrowIfNull(change);
        string word = change.Worse switch { true => "worse", false => "better", _ => "different" };
        string text = $"{series.Title} on {series.Host}: {series.Metric.Name} {Format.Change(change.Difference)} ({Format.ChangeInterval(change.Interval)}), {word}, from run {change.RunId}";
        if (change.Commit is { } commit) text += $" at commit {Short(commit)}{(change.PreviousCommit is { } before ? before == commit ? " (the same as before)" : $" (before: {Short(before)})" : "")}";
        text += change.State == ChangeState.Unconfirmed ? "; unconfirmed: one run only" : "; confirmed by later runs";
        return change.AlsoChanged.IsEmpty ? text : $"{text}; also changed: {string.Join("; ", change.AlsoChanged)}";
    }

    /// <summary>The latest figure of a series.</summary>
    public static string Latest(TrendSeries series)
    {
        ArgumentNullException.ThrowIfNull(series);
        MetricDefinition metric = series.Metric;
        TrendPoint last = series.Points[^1];
        return Format.Value(last.Value, metric.Unit, metric.Name, null, last.Interval is { } i ? [i.Low, i.High] : null);
    }

    /// <summary>The finding of a series: its last change, that there is none, or that it is too short.</summary>
    public static string Finding(TrendSeries series)
    {
        ArgumentNullException.ThrowIfNull(series);
        if (series.TooShort is { } tooShort) return tooShort;
        if (series.Changes.IsEmpty) return "no change point";
        TrendChange last = series.Changes[^1];
        return $"{Format.Change(last.Difference)} ({Format.ChangeInterval(last.Interval)}) at {last.RunId}{(last.State == ChangeState.Unconfirmed ? ", unconfirmed" : "")}";
    }

    private static string Short(string commit) => commit.Length > 12 ? commit[..8] + (commit.EndsWith("-dirty", StringComparison.Ordinal) ? "-dirty" : "") : commit;
}
