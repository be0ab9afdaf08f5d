using System.Globalization;
using System.Text;
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
        string metric = MetricText.Title(report.Metric);
        if (report.Series.IsEmpty) return $"{metric}: no run in the store has it.";
        int changed = report.Series.Count(s => !s.Changes.IsEmpty);
        int alerts = report.Alerts.Length;
        int tooShort = report.Series.Count(s => s.TooShort is not null);
        string of = $"{Format.Count(report.Series.Length)} series of machine and cell";
        string text = alerts > 0
            ? $"{metric} got worse in the last {Format.Count(report.Recent)} runs of "
                + $"{Format.Count(report.Alerts.Select(a => a.Series).Distinct().Count())} of {of}"
            : $"{metric}: no recent change to the worse in {of}";
        int suspects = report.Suspects.Length;
        if (suspects > 0) text += $"; {Format.Count(suspects)} suspected by the last run alone: measure again";
        int disturbed = report.Series.Sum(s => s.Disturbed);
        if (disturbed > 0) text += $"; {Format.Count(disturbed)} disturbed {(disturbed == 1 ? "figure is" : "figures are")} left out";
        text += changed == 0 ? "; no change point"
            : $"; {Format.Count(changed)} {(changed == 1 ? "has" : "have")} a change point at any time";
        return tooShort == 0 ? text + "." : $"{text}; {Format.Count(tooShort)} {(tooShort == 1 ? "is" : "are")} too short to judge.";
    }

    /// <summary>A change in one sentence: what, by how much, in which run and commit, and what else changed there.</summary>
    public static string Sentence(TrendSeries series, TrendChange change)
    {
        ArgumentNullException.ThrowIfNull(series);
        ArgumentNullException.ThrowIfNull(change);
        string word = change.Worse switch { true => "worse", false => "better", _ => "different" };
        string text =
            $"{series.Title} on {series.Host}: {MetricText.Of(series.Metric)} {Difference(series, change)}, "
                + $"{word}, from run {change.RunId}";
        if (change.Commit is { } commit)
            text += " at commit "
                + $"{Short(commit)}{(change.PreviousCommit is { } before ? before == commit ? " (the same as before)" : " (before: "
                + $"{Short(before)})" : "")}";
        text += change.State switch
        {
            ChangeState.Unconfirmed => "; unconfirmed: one run only",
            ChangeState.Refuted => "; not so when measured in turns with the other build: the machine has changed",
            _ => "; confirmed by later runs",
        };
        return change.AlsoChanged.IsEmpty ? text : $"{text}; also changed: {string.Join("; ", change.AlsoChanged)}";
    }

    /// <summary>The latest figure of a series.</summary>
    public static string Latest(TrendSeries series)
    {
        ArgumentNullException.ThrowIfNull(series);
        MetricDefinition metric = series.Metric;
        TrendPoint last = series.Points[^1];
        return Format.Value(last.Value, metric, null, last.Interval is { } i ? [i.Low, i.High] : null);
    }

    /// <summary>The finding of a series: its last change, that there is none, or that it is too short.</summary>
    public static string Finding(TrendSeries series)
    {
        ArgumentNullException.ThrowIfNull(series);
        if (series.TooShort is { } tooShort) return tooShort;
        if (series.Changes.IsEmpty) return "no change point";
        TrendChange last = series.Changes[^1];
        string state = last.State == ChangeState.Confirmed ? "" : $", {last.State.ToString().ToLowerInvariant()}";
        return $"{Difference(series, last)} at {last.RunId}{state}";
    }

    /// <summary>A report as Markdown: one line per series, then each change in a sentence.</summary>
    /// <param name="report">The report.</param>
    /// <param name="most">Most series to list; the rest are counted.</param>
    public static string Markdown(TrendReport report, int most = 50)
    {
        ArgumentNullException.ThrowIfNull(report);
        var text = new StringBuilder();
        text.Append(E(Lead(report))).Append('\n');
        if (report.Series.IsEmpty) return text.ToString();
        text.Append(
            "\n| Machine | Cell | Class | Runs | Latest | Noise between runs | Finding |\n"
                + "| --- | --- | --- | ---: | ---: | ---: | --- |\n");
        foreach (TrendSeries s in report.Series.Take(most))
        {
            string precision = s.Class is { } known ? Format.Class(known) : Format.Missing;
            text.Append(CultureInfo.InvariantCulture,
                $"| {E(s.Host)} | {E(s.Title)} ({s.CellId}) | {precision} | {Format.Count(s.Points.Length)} | {E(Latest(s))} | "
                    + $"{(s.Noise is { } noise ? $"{Format.Number(noise * 100, 2)} %" : Format.Missing)} | {E(Finding(s))} |\n");
        }

        if (report.Series.Length > most)
            text.Append(CultureInfo.InvariantCulture,
                $"\n… and {Format.Count(report.Series.Length - most)} more series; narrow with --variant, --cell, --machine, or export all "
                    + $"with --format csv.\n");
        foreach (TrendSeries s in report.Series.Where(s => !s.Changes.IsEmpty).Take(most))
        {
            foreach (TrendChange change in s.Changes) text.Append(CultureInfo.InvariantCulture, $"\n- {E(Sentence(s, change))}");
        }

        text.Append(CultureInfo.InvariantCulture,
            $"\nA change is called one when its corrected p is at most {Format.Number(report.Alpha, 2)}, which keeps a false one in any of "
                + $"these series below 5 %.\n");
        return text.ToString();
    }

    /// <summary>The difference of a change with its interval.</summary>
    public static string Difference(TrendSeries series, TrendChange change)
    {
        ArgumentNullException.ThrowIfNull(series);
        ArgumentNullException.ThrowIfNull(change);
        if (!change.Absolute) return $"{Format.Change(change.Difference)} ({Format.ChangeInterval(change.Interval)})";
        string unit = series.Metric.Unit == "1" ? "" : '\u00a0' + series.Metric.Unit;
        string sign = change.Difference > 0 ? "+" : "";
        double[] ends = [change.Interval.Low, change.Interval.High];
        return $"{sign}{Format.WithinInterval(change.Difference, ends)} ({Format.Interval(ends[0], ends[1])}){unit}";
    }

    private static string E(string value) => MarkdownText.Escape(value);

    private static string Short(string commit) =>
        commit.Length > 12 ? commit[..8] + (commit.EndsWith("-dirty", StringComparison.Ordinal) ? "-dirty" : "") : commit;
}
