using System.Globalization;
using QuantBench.Analysis.Estimates;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Compare;

/// <summary>
/// Compares two figures of one metric. Interval and p-value always come from one test, so they can't contradict each other:
/// timings by their launches, and those of two runs by the machine's history where there is one (<see cref="MachineHistory"/>); chunks of
/// one text in pairs, other quality figures by their standard errors. Before any correction for many comparisons, two figures of the same
/// truth are called different in 5 % of cases. A disturbed timing gets no verdict.
/// </summary>
public static class FigureComparer
{
    internal const string NoRatio = "figures that aren't positive have no ratio";

    /// <summary>Compares B with A.</summary>
    /// <param name="row">The two figures; verdict and note are replaced.</param>
    /// <param name="differing">What keeps timings from being compared; empty when nothing does.</param>
    /// <param name="noise">How much a timing varies from run to run, for figures of two runs; null when it isn't known or both are of one
    /// run.</param>
    /// <param name="prior">What timings measured beside these say of the noise between launches; null when nothing is known.</param>
    public static MetricComparison Compare(MetricComparison row, IReadOnlyCollection<string> differing, RunNoise? noise = null,
        NoisePrior? prior = null)
    {
        ArgumentNullException.ThrowIfNull(row);
        ArgumentNullException.ThrowIfNull(differing);
        if (!double.IsFinite(row.A.Value) || !double.IsFinite(row.B.Value)) return NotComparable(row, "a figure isn't a finite number");
        if (row.Metric.Kind == MetricKind.Quality) return Quality(row);
        if (row.Metric.IsExact) return Exact(row);
        return differing.Count > 0 ? NotComparable(row, string.Join("; ", differing)) : Timed(row, noise, prior);
    }

    private static MetricComparison Quality(MetricComparison row)
    {
        if (row.A.Protocol is null || row.B.Protocol is null) return NotComparable(row, "a protocol wasn't recorded");
        if (row.A.Protocol != row.B.Protocol) return NotComparable(row, $"protocol {row.A.Protocol} against {row.B.Protocol}");
        // One protocol is one text and one way of scoring it, so equal figures come from the same numbers.
        if (row.A.Value == row.B.Value && SamplesAgree(row)) return Equal(row, "the same figure on the same tokens");
        if (row.Metric == MetricTable.Perplexity && ChunkLogs(row.A) is { } a && ChunkLogs(row.B) is { } b && a.Length == b.Length)
        {
            // Every chunk was scored by both: what makes chunks hard cancels out.
            PairedDifference paired = PairedDifference.Of(b, a);
            return Paired(row, paired, $"paired over {paired.N} chunks of the text");
        }

        bool signed = row.Metric.IsAroundZero || row.A.Value == 0; // nothing is relative to 0
        if (signed) row = row with { Absolute = true };
        double scale = signed ? 1 : Math.Abs(row.A.Value);
        double difference = (row.B.Value - row.A.Value) / scale;
        if (Chunks(row.A) is { } partsA && Chunks(row.B) is { } partsB && partsA.Length == partsB.Length)
            return PairedMeans(row, PairedDifference.Of(partsB, partsA), scale);
        if (row.A.Error is not { } errorA || row.B.Error is not { } errorB) return Unsure(row, difference, "no error was recorded");
        double error = Math.Sqrt((errorA * errorA) + (errorB * errorB)) / scale;
        if (error == 0) return Judge(row, difference, new Interval(difference, difference), 0, "no error in either figure");
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
            return paired.Mean == 0 ? Equal(row, $"equal in every pair; {how}")
                : Judge(row, difference, new Interval(difference, difference), 0, how);
        double half = SpecialFunctions.StudentQuantile(0.95, paired.N - 1) * paired.Error;
        double p = SpecialFunctions.StudentTwoSided(Math.Abs(paired.Mean) / paired.Error, paired.N - 1);
        return Judge(row, difference, new Interval(Math.Exp(paired.Mean - half) - 1, Math.Exp(paired.Mean + half) - 1), p, how);
    }

    private static MetricComparison Exact(MetricComparison row)
    {
        double? difference = row.A.Value == 0 ? null : (row.B.Value / row.A.Value) - 1;
        if (row.A.Value == row.B.Value) return Equal(row, "exact");
        return row with { Difference = difference, Verdict = Direct(row.Metric.Direction, row.B.Value > row.A.Value), Note = "exact" };
    }

    private static MetricComparison Timed(MetricComparison row, RunNoise? noise, NoisePrior? prior)
    {
        double? difference = row.A.Value == 0 ? null : (row.B.Value / row.A.Value) - 1;
        if (row.Metric.Kind != MetricKind.Timing) return Unsure(row, difference, "one observation a side: no interval");
        if (Disturbed(row) is { } side) return Unsure(row, difference, $"{side} disturbed by other work on the machine: no verdict");
        if (row.A.Mark is not null || row.B.Mark is not null) return Unsure(row, difference, "too few observations for an interval");
        double[] a = row.A.Timing?.LaunchValues ?? [];
        double[] b = row.B.Timing?.LaunchValues ?? [];
        LaunchDifference? launches = LaunchDifference.Of(a, b, prior);
        if (launches is null && noise is null)
        {
            return a.Length > 1 && b.Length > 1 ? NotComparable(row, NoRatio)
                : Unsure(row, difference, "can't tell from one launch a side: what changes from one process to the next isn't known");
        }

        if (!(row.A.Value > 0) || !(row.B.Value > 0)) return NotComparable(row, NoRatio);
        LaunchDifference judged = noise is { } between ? LaunchDifference.BetweenRuns(row.B.Value / row.A.Value, between, launches)
            : launches!.Value; // one of the two is known
        judged = judged with { Drift = row.Drift };
        string how = noise is { } known && judged.Error != launches?.Error
            ? $"noise between {Count(known.Runs)} runs of this cell on this machine"
            : $"ratio over launches (Student), {Count(a.Length)} and {Count(b.Length)}"
                + (prior is null ? "" : ", whose noise other cells' launches tell as well");
        if (row.Drift > 0)
        {
            how += $"; the machine's own speed changed by {Count((long)Math.Round(100 * (Math.Exp(row.Drift) - 1)))} % in between "
                + "(yardstick)";
        }

        Interval interval = judged.Interval;
        if (judged is { Error: 0, Difference: 0 }) return Equal(row, how);
        return Judge(row, Math.Exp(judged.Difference) - 1, new Interval(Math.Exp(interval.Low) - 1, Math.Exp(interval.High) - 1),
            judged.PValue, how) with
        { Effect = a.Length > 0 && b.Length > 0 ? MannWhitney.Test(b, a).Effect : null };
    }

    private static string? Disturbed(MetricComparison row) => (row.A.IsDisturbed, row.B.IsDisturbed) switch
    {
        (true, true) => "both sides were",
        (true, false) => "the base was",
        (false, true) => "it was",
        _ => null,
    };

    private static MetricComparison Judge(MetricComparison row, double difference, Interval interval, double p, string how)
    {
        bool touches = !(interval.Low > 0 || interval.High < 0);
        return row with
        {
            Difference = difference,
            Interval = interval,
            PValue = p,
            Verdict = touches ? Verdict.NotToldApart : Direct(row.Metric.Direction, interval.Low > 0),
            Note = how,
        };
    }

    private static MetricComparison Unsure(MetricComparison row, double? difference, string why) =>
        row with { Difference = difference, Verdict = Verdict.NoErrorKnown, Note = why };

    private static MetricComparison Equal(MetricComparison row, string how) =>
        row with { Difference = 0, Verdict = Verdict.Equal, Note = how };

    internal static MetricComparison NotComparable(MetricComparison row, string why) =>
        row with { Verdict = Verdict.NotComparable, Note = $"not comparable: {why}" };

    private static Verdict Direct(Direction direction, bool more) => direction switch
    {
        Direction.Higher => more ? Verdict.Better : Verdict.Worse,
        Direction.Lower => more ? Verdict.Worse : Verdict.Better,
        _ => Verdict.Different,
    };

    private static bool Positive(double value) => double.IsFinite(value) && value > 0;

    private static string Count(long n) => n.ToString(CultureInfo.InvariantCulture);

    // Means over the chunks of one text, in pairs: what makes a chunk hard cancels out.
    private static MetricComparison PairedMeans(MetricComparison row, PairedDifference paired, double scale)
    {
        string how = $"paired over {Count(paired.N)} chunks of the text";
        double difference = (row.B.Value - row.A.Value) / scale;
        if (!double.IsFinite(paired.Error)) return Unsure(row, difference, "one pair: no interval");
        if (paired.Error == 0)
            return paired.Mean == 0 ? Equal(row, $"equal in every pair; {how}")
                : Judge(row, difference, new Interval(difference, difference), 0, how);
        double half = SpecialFunctions.StudentQuantile(0.95, paired.N - 1) * paired.Error / scale;
        double p = SpecialFunctions.StudentTwoSided(Math.Abs(paired.Mean) / paired.Error, paired.N - 1);
        return Judge(row, difference, new Interval(difference - half, difference + half), p, how);
    }

    // Samples per chunk of a figure that is their mean; the check keeps samples that mean something else from being paired.
    private static double[]? Chunks(Measurement figure)
    {
        if (figure.Samples is not { Length: > 1 } samples || !samples.All(double.IsFinite)) return null;
        const double tolerance = 0.005; // chunks of unlike length at the end of a text
        double scale = Math.Max(Math.Abs(figure.Value), samples.Max(Math.Abs));
        return Math.Abs(Descriptive.Mean(samples) - figure.Value) <= tolerance * scale ? samples : null;
    }

    private static bool SamplesAgree(MetricComparison row) =>
        row.A.Samples is not { } a || row.B.Samples is not { } b || a.AsSpan().SequenceEqual(b);

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
