using System.Globalization;
using QuantBench.Analysis.Estimates;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Compare;

/// <summary>
/// Compares two figures of one metric. Interval and p-value always come from one test, so they can't contradict each other:
/// raw samples by Mann–Whitney with the Hodges–Lehmann interval, aggregates by Welch's test, chunks of one text in pairs, other quality
/// figures by their standard errors. Before any correction for many comparisons, two figures of the same truth are called different in 5 %
/// of cases.
/// </summary>
public static class FigureComparer
{
    /// <summary>Longest run of samples taken one by one; longer ones come from one loop, where neighbours resemble each other.</summary>
    internal const int MostSamples = 200;

    /// <summary>Blocks that longer runs of samples are cut into; each counts as one observation.</summary>
    internal const int Blocks = 64;

    /// <summary>Compares B with A.</summary>
    /// <param name="row">The two figures; verdict and note are replaced.</param>
    /// <param name="differing">What keeps timings from being compared; empty when nothing does.</param>
    public static MetricComparison Compare(MetricComparison row, IReadOnlyCollection<string> differing)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentNullException.ThrowIfNull(differing);
        if (!double.IsFinite(row.A.Value) || !double.IsFinite(row.B.Value)) return NotComparable(row, "a figure isn't a finite number");
        if (row.Metric.Kind == MetricKind.Quality) return Quality(row);
        if (row.Metric.IsExact) return Exact(row);
        return differing.Count > 0 ? NotComparable(row, string.Join("; ", differing)) : Timed(row);
    }

    private static MetricComparison Quality(MetricComparison row)
    {
        if (row.A.Protocol is null || row.B.Protocol is null) return NotComparable(row, "a protocol wasn't recorded");
        if (row.A.Protocol != row.B.Protocol) return NotComparable(row, $"protocol {row.A.Protocol} against {row.B.Protocol}");
        if (row.Metric == MetricTable.Perplexity && ChunkLogs(row.A) is { } a && ChunkLogs(row.B) is { } b && a.Length == b.Length)
        {
            // Every chunk was scored by both: what makes chunks hard cancels out.
            PairedDifference paired = PairedDifference.Of(b, a);
            return Paired(row, paired, $"paired over {paired.N} chunks of the text");
        }

        bool signed = row.Metric.IsAroundZero;
        if (signed) row = row with { Absolute = true };
        if (row.A.Value == 0 && !signed) return Unsure(row, null, "the base is 0: no relative difference");
        double scale = signed ? 1 : Math.Abs(row.A.Value);
        double difference = (row.B.Value - row.A.Value) / scale;
        if (row.A.Error is not { } errorA || row.B.Error is not { } errorB) return Unsure(row, difference, "no error is known");
        double error = Math.Sqrt((errorA * errorA) + (errorB * errorB)) / scale;
        if (error == 0)
            return difference == 0 ? Unsure(row, 0, "equal")
                : Judge(row, difference, new Interval(difference, difference), 0, "no error in either figure");
        double half = Estimate.Normal975 * error;
        double p = 2 * SpecialFunctions.NormalUpperTail(Math.Abs(difference) / error);
        return Judge(row, difference, new Interval(difference - half, difference + half), p,
            "not paired: errors taken as independent, which widens the interval");
    }

    /// <summary>Judges the mean of paired differences of logarithms by Student's interval.</summary>
    internal static MetricComparison Paired(MetricComparison row, PairedDifference paired, string how)
    {
        double difference = Math.Exp(paired.Mean) - 1;
        if (!double.IsFinite(paired.Error)) return Unsure(row, difference, "one pair: no interval");
        if (paired.Error == 0)
            return paired.Mean == 0 ? Unsure(row, 0, $"equal in every pair; {how}")
                : Judge(row, difference, new Interval(difference, difference), 0, how);
        double half = SpecialFunctions.StudentQuantile(0.95, paired.N - 1) * paired.Error;
        double p = SpecialFunctions.StudentTwoSided(Math.Abs(paired.Mean) / paired.Error, paired.N - 1);
        return Judge(row, difference, new Interval(Math.Exp(paired.Mean - half) - 1, Math.Exp(paired.Mean + half) - 1), p, how);
    }

    private static MetricComparison Exact(MetricComparison row)
    {
        double? difference = row.A.Value == 0 ? null : (row.B.Value / row.A.Value) - 1;
        if (row.A.Value == row.B.Value) return row with { Difference = 0, Verdict = Verdict.NoDifferenceShown, Note = "exact: equal" };
        return row with { Difference = difference, Verdict = Direct(row.Metric.Direction, row.B.Value > row.A.Value), Note = "exact" };
    }

    private static MetricComparison Timed(MetricComparison row)
    {
        double? difference = row.A.Value == 0 ? null : (row.B.Value / row.A.Value) - 1;
        if (row.A.Samples is { Length: > 1 } a && row.B.Samples is { Length: > 1 } b)
        {
            return !a.All(Positive) || !b.All(Positive) ? Unsure(row, difference, "samples that aren't positive: no ratio")
                : Samples(row, a, b);
        }

        if (row.A is { Mean: > 0, StandardDeviation: { } sdA, N: > 1 and var nA }
            && row.B is { Mean: > 0, StandardDeviation: { } sdB, N: > 1 and var nB })
        {
            MeanComparison means =
                WelchTest.CompareLogs(new SampleSummary(row.B.Mean.Value, sdB, nB), new SampleSummary(row.A.Mean.Value, sdA, nA));
            return Judge(
                row, Math.Exp(means.Difference) - 1, new Interval(Math.Exp(means.Interval.Low) - 1, Math.Exp(means.Interval.High) - 1),
                means.PValue,
                $"ratio of means from stored aggregates (Welch), n = {Count(nA)} and {Count(nB)}");
        }

        return Unsure(row, difference, "one observation a side: no interval");
    }

    private static MetricComparison Samples(MetricComparison row, double[] a, double[] b)
    {
        string blocks = a.Length > MostSamples || b.Length > MostSamples
            ? $", in medians of {Blocks} blocks because neighbouring samples aren't independent" : "";
        double[] logsA = [.. InBlocks(a).Select(v => Math.Log(v))];
        double[] logsB = [.. InBlocks(b).Select(v => Math.Log(v))];
        MannWhitneyResult test = MannWhitney.Test(logsB, logsA);
        ShiftEstimate shift = HodgesLehmann.Of(logsB, logsA);
        string how = $"ratio by Hodges–Lehmann, Mann–Whitney, n = {Count(a.Length)} and {Count(b.Length)}{blocks}";
        double difference = Math.Exp(shift.Shift) - 1;
        if (!double.IsFinite(shift.Interval.Low))
            return Unsure(row, difference, $"too few samples for a 95 % interval (n = {Count(a.Length)} and {Count(b.Length)})")
                with
            { Effect = test.Effect };
        return Judge(row, difference, new Interval(Math.Exp(shift.Interval.Low) - 1, Math.Exp(shift.Interval.High) - 1), test.PValue, how)
            with
        { Effect = test.Effect };
    }

    private static double[] InBlocks(double[] samples) => samples.Length <= MostSamples
        ? samples
        : [.. Enumerable.Range(0, Blocks)
            .Select(k =>
                Descriptive.Median(
                    samples.AsSpan()[(int)((long)samples.Length * k / Blocks)..(int)((long)samples.Length * (k + 1) / Blocks)]))];

    private static MetricComparison Judge(MetricComparison row, double difference, Interval interval, double p, string how)
    {
        bool touches = !(interval.Low > 0 || interval.High < 0);
        return row with
        {
            Difference = difference,
            Interval = interval,
            PValue = p,
            Verdict = touches ? Verdict.NoDifferenceShown : Direct(row.Metric.Direction, interval.Low > 0),
            Note = how,
        };
    }

    private static MetricComparison Unsure(MetricComparison row, double? difference, string why) =>
        row with { Difference = difference, Verdict = Verdict.NoDifferenceShown, Note = why };

    private static MetricComparison NotComparable(MetricComparison row, string why) =>
        row with { Verdict = Verdict.NotComparable, Note = $"not comparable: {why}" };

    private static Verdict Direct(Direction direction, bool more) => direction switch
    {
        Direction.Higher => more ? Verdict.Better : Verdict.Worse,
        Direction.Lower => more ? Verdict.Worse : Verdict.Better,
        _ => Verdict.Different,
    };

    private static bool Positive(double value) => double.IsFinite(value) && value > 0;

    private static string Count(long n) => n.ToString(CultureInfo.InvariantCulture);

    // Mean negative log-likelihood per chunk. Samples are per-chunk perplexities; the check keeps samples that mean something else from
    // being paired.
    private static double[]? ChunkLogs(Measurement perplexity)
    {
        if (perplexity.Samples is not { Length: > 1 } samples || !samples.All(Positive)) return null;
        double[] logs = [.. samples.Select(s => Math.Log(s))];
        const double tolerance = 0.005; // rounding of figures, and chunks of unlike length at the end of a text
        if (Math.Abs(Descriptive.Mean(logs) - Math.Log(perplexity.Value)) < tolerance) return logs;
        return Math.Abs(Descriptive.Mean(samples) - Math.Log(perplexity.Value)) < tolerance ? samples : null;
    }
}
