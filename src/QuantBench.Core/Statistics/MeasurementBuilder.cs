using QuantBench.Core.Metrics;

namespace QuantBench.Core.Statistics;

/// <summary>Turns raw samples into a measurement.</summary>
public static class MeasurementBuilder
{
    /// <summary>Fewest clean samples of a figure with an interval; below, the value is an order of magnitude.</summary>
    public const int LeastSamples = 3;

    /// <summary>Least share of clean samples: where nearly all were disturbed, those just below the limit aren't clean either.</summary>
    public const double LeastCleanShare = 0.25;

    /// <summary>
    /// A timing: value = median; mean, sd, min, max, bootstrap interval of the median and the samples; percentiles only with enough
    /// samples.
    /// </summary>
    /// <param name="metric">A metric's name.</param>
    /// <param name="samples">At least one sample in the metric's unit, in the order taken.</param>
    /// <param name="notes">Marks on the figure.</param>
    public static Measurement FromSamples(string metric, double[] samples, params ReadOnlySpan<string> notes) =>
        FromLaunches(metric, samples, [samples?.Length ?? 0], [], notes);

    /// <summary>A timing of one launch of which some samples were disturbed: the figure is that of the clean ones, unless those are too
    /// few.</summary>
    /// <param name="metric">A metric's name.</param>
    /// <param name="samples">At least one sample in the metric's unit, in the order taken.</param>
    /// <param name="disturbed">Indexes of the disturbed samples.</param>
    /// <param name="notes">Marks on the figure.</param>
    public static Measurement FromRepetitions(string metric, double[] samples, int[] disturbed, params ReadOnlySpan<string> notes) =>
        FromLaunches(metric, samples, [samples?.Length ?? 0], disturbed, notes);

    /// <summary>The figure of several launches of a cell; its interval holds what differs between processes.</summary>
    /// <param name="launches">The metric in each launch, at least one, all with samples.</param>
    public static Measurement Merge(IReadOnlyList<Measurement> launches)
    {
        ArgumentNullException.ThrowIfNull(launches);
        if (launches.Count == 1) return launches[0];
        var disturbed = new List<int>();
        int offset = 0;
        foreach (Measurement launch in launches)
        {
            disturbed.AddRange((launch.Timing?.DisturbedSamples ?? []).Select(i => i + offset));
            offset += launch.Samples!.Length;
        }

        string[] notes = LaunchNotes.Join(launches.Select(m => (m.Notes ?? []).Where(n => !IsOfSamples(n))));
        Measurement merged = FromLaunches(launches[0].Name, [.. launches.SelectMany(m => m.Samples!)],
            [.. launches.Select(m => m.Samples!.Length)], [.. disturbed], notes);
        return launches.Any(IsTold) ? AsDisturbed(merged, null) : merged;
    }

    /// <summary>Marks a figure as disturbed by what its samples alone don't tell.</summary>
    /// <param name="measurement">The figure.</param>
    /// <param name="why">Why, for its notes; null when they say it.</param>
    public static Measurement AsDisturbed(Measurement measurement, string? why)
    {
        ArgumentNullException.ThrowIfNull(measurement);
        return measurement with
        {
            Timing = (measurement.Timing ?? new TimingFacts()) with { Mark = FigureMark.Disturbed },
            Notes = why is null ? measurement.Notes : [.. measurement.Notes ?? [], $"disturbed: {why}"],
        };
    }

    /// <summary>Whether a note is one that this class gives: of a launch it says nothing about all of them.</summary>
    /// <param name="note">A note of a figure, or of a cell about one.</param>
    public static bool IsOfSamples(string note)
    {
        ArgumentNullException.ThrowIfNull(note);
        return note.StartsWith("about: ", StringComparison.Ordinal) || note.Contains(": about: ", StringComparison.Ordinal)
            || note.Contains(" repetitions were disturbed ", StringComparison.Ordinal) || IntervalMark.Is(note);
    }

    /// <summary>A timing of several launches.</summary>
    /// <param name="metric">A metric's name.</param>
    /// <param name="samples">At least one sample in the metric's unit, launch after launch.</param>
    /// <param name="launches">Number of samples of each launch.</param>
    /// <param name="disturbed">Indexes of the disturbed samples.</param>
    /// <param name="notes">Marks on the figure.</param>
    public static Measurement FromLaunches(string metric, double[] samples, int[] launches, int[] disturbed,
        params ReadOnlySpan<string> notes)
    {
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(launches);
        ArgumentNullException.ThrowIfNull(disturbed);
        HashSet<int> left = [.. disturbed];
        double[] clean = [.. samples.Where((_, i) => !left.Contains(i))];
        bool enough = clean.Length >= Math.Min(LeastSamples, samples.Length) && clean.Length >= LeastCleanShare * samples.Length;
        bool isDisturbed = disturbed.Length > 0 && !enough;
        double[] counted = isDisturbed ? samples : clean;
        double[] values = [.. LaunchValues(samples, launches, isDisturbed ? [] : left)];
        bool about = counted.Length < LeastSamples;
        double[] sorted = [.. counted];
        Array.Sort(sorted);
        double median = Descriptive.Quantile(sorted, 0.5);
        Interval? interval = about ? null
            : values.Length > 1 && values.All(v => v > 0) ? LaunchInterval.Of(values)
            : Bootstrap.Median(counted);
        List<string> marks = [.. notes];
        if (isDisturbed) marks.Add($"disturbed: {Of(disturbed.Length, samples.Length)}, too many to leave out");
        else if (disturbed.Length > 0) marks.Add($"{Of(disturbed.Length, samples.Length)} and don't count");
        if (about) marks.Add($"about: {counted.Length} {(counted.Length == 1 ? "observation" : "observations")}, no interval");
        return Measurement.Of(metric, median, n: counted.Length) with
        {
            Mean = Descriptive.Mean(counted),
            StandardDeviation = counted.Length > 1 ? Descriptive.StandardDeviation(counted) : null,
            Median = about ? null : median,
            Min = sorted[0],
            Max = sorted[^1],
            P90 = counted.Length >= Descriptive.P90Observations ? Descriptive.Quantile(sorted, 0.90) : null,
            P95 = counted.Length >= Descriptive.P95Observations ? Descriptive.Quantile(sorted, 0.95) : null,
            P99 = counted.Length >= Descriptive.P99Observations ? Descriptive.Quantile(sorted, 0.99) : null,
            Ci95 = interval is { } ends ? [ends.Low, ends.High] : null,
            Samples = samples,
            Timing = new TimingFacts
            {
                Mark = isDisturbed ? FigureMark.Disturbed : about ? FigureMark.About : null,
                LaunchValues = values,
                LaunchSamples = launches,
                DisturbedSamples = disturbed.Length > 0 ? disturbed : null,
            },
            Notes = marks.Count == 0 ? null : [.. marks],
        };
    }

    private static IEnumerable<double> LaunchValues(double[] samples, int[] launches, HashSet<int> without)
    {
        int offset = 0;
        foreach (int count in launches)
        {
            double[] own = [.. Enumerable.Range(offset, count).Where(i => !without.Contains(i)).Select(i => samples[i])];
            if (own.Length > 0) yield return Descriptive.Median(own);
            offset += count;
        }
    }

    // A mark with a reason of its own: the samples of the others don't take it away.
    private static bool IsTold(Measurement launch) => launch.IsDisturbed
        && (launch.Notes ?? []).Any(n => n.StartsWith("disturbed: ", StringComparison.Ordinal) && !IsOfSamples(n));

    private static string Of(int disturbed, int all) => $"{disturbed} of {all} repetitions were disturbed by other work on the machine";
}
