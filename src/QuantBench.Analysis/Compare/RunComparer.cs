using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Compare;

/// <summary>
/// Compares two sides cell by cell. A difference is called one only when its interval says so; for timings also the Mann–Whitney test, corrected
/// for how many are looked at (Benjamini and Hochberg 1995).
/// </summary>
public static class RunComparer
{
    private const double FalseDiscoveryRate = 0.05;
    private const double Normal95 = 1.959963984540054; // 97.5 % quantile of the standard normal
    private static readonly string[] s_exact = ["artifact_size", "weights_size", "kv_cache_size", "compute_size", "bits_per_weight"];

    /// <summary>Compares B with A.</summary>
    /// <param name="a">The base.</param>
    /// <param name="b">What is compared with it.</param>
    public static RunComparison Compare(ComparisonSide a, ComparisonSide b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        ImmutableArray<string> differing = Differing(a, b);
        bool sameVariant = a.Variant is null || b.Variant is null;
        bool sameBackend = a.Backend is null || b.Backend is null;
        Dictionary<string, CellResult> cellsA = a.Cells.ToDictionary(Key);
        Dictionary<string, CellResult> cellsB = b.Cells.ToDictionary(Key);
        MetricComparison[] rows =
        [
            .. cellsA.Where(c => cellsB.ContainsKey(c.Key)).SelectMany(c => Cells(c.Value, cellsB[c.Key], differing, Title(c.Value.Cell))),
        ];
        return new RunComparison(
            a.Name, b.Name, differing, Correct(rows),
            [.. cellsA.Where(c => !cellsB.ContainsKey(c.Key)).Select(c => c.Value.Cell.Title)],
            [.. cellsB.Where(c => !cellsA.ContainsKey(c.Key)).Select(c => c.Value.Cell.Title)]);

        // Where both sides name a variant or a backend, that is what is compared; everything else must be equal.
        string Key(CellResult result) => string.Join(
            '\n', result.Cell.Model, sameVariant ? result.Cell.Variant.Id : "", sameBackend ? result.Cell.Backend.ToString() : "", result.Cell.Workload, result.Cell.Settings);

        string Title(Cell cell) => string.Join(' ', ((string[])[cell.Model, sameVariant ? cell.Variant.Id : "", sameBackend ? cell.Backend.ToString() : "", cell.Workload]).Where(t => t.Length > 0));
    }

    private static ImmutableArray<string> Differing(ComparisonSide a, ComparisonSide b) =>
        a.Run.Info.Id == b.Run.Info.Id ? [] : [.. Comparability.Check(a.Run.Info.Fingerprint, b.Run.Info.Fingerprint).Select(d => d.ToString())];

    private static IEnumerable<MetricComparison> Cells(CellResult a, CellResult b, ImmutableArray<string> differing, string title)
    {
        foreach (Measurement first in a.Metrics)
        {
            if (MetricTable.Find(first.Name) is not { } metric || b.Metric(first.Name) is not { } second) continue;
            if (double.IsNaN(first.Value) || double.IsNaN(second.Value)) continue;
            var row = new MetricComparison { Cell = title, Metric = metric, A = first, B = second, Verdict = Verdict.NotComparable, Note = "" };
            bool meaningless = metric.Kind == MetricKind.Quality && (a.HasMeaninglessQuality || b.HasMeaninglessQuality);
            yield return meaningless ? row with { Note = $"not comparable: {CellResult.MeaninglessQuality}" }
                : metric.Kind == MetricKind.Quality ? Quality(row)
                : s_exact.Contains(metric.Name) ? Exact(row)
                : differing.Length > 0 ? row with { Note = $"not comparable: {string.Join("; ", differing)}" }
                : Timed(row);
        }
    }

    private static MetricComparison Quality(MetricComparison row)
    {
        if (row.A.Protocol is null || row.B.Protocol is null) return row with { Note = "not comparable: a protocol wasn't recorded" };
        if (row.A.Protocol != row.B.Protocol) return row with { Note = $"not comparable: protocol {row.A.Protocol} against {row.B.Protocol}" };
        if (row.Metric.Name == "perplexity" && ChunkLogs(row.A) is { } a && ChunkLogs(row.B) is { } b && a.Length == b.Length)
        {
            // Every chunk was scored by both: what makes chunks hard cancels out.
            PairedDifference paired = PairedDifference.Of(b, a);
            double half = Normal95 * paired.Error;
            return Judge(row, Math.Exp(paired.Mean) - 1, new Interval(Math.Exp(paired.Mean - half) - 1, Math.Exp(paired.Mean + half) - 1), $"paired over {paired.N} chunks");
        }

        if (row.A.Value == 0) return Unsure(row, null, "the base is 0: no relative difference");
        double difference = (row.B.Value - row.A.Value) / Math.Abs(row.A.Value);
        if (row.A.Error is not { } errorA || row.B.Error is not { } errorB) return Unsure(row, difference, "no error is known");
        double relative = Normal95 * Math.Sqrt((errorA * errorA) + (errorB * errorB)) / Math.Abs(row.A.Value);
        return Judge(row, difference, new Interval(difference - relative, difference + relative), "not paired: errors taken as independent, which widens the interval");
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
        if (row.A.Samples is not { Length: > 1 } a || row.B.Samples is not { Length: > 1 } b) return Unsure(row, difference, "one observation a side: no interval");
        if (!a.All(double.IsFinite) || !b.All(double.IsFinite) || a.Min() <= 0 || b.Min() <= 0) return Unsure(row, difference, "samples that aren't positive: no ratio");
        Interval ratio = Bootstrap.RatioOfMedians(b, a);
        MetricComparison judged = Judge(
            row, (Descriptive.Median(b) / Descriptive.Median(a)) - 1, new Interval(ratio.Low - 1, ratio.High - 1), $"bootstrap of the ratio of medians, n = {a.Length} and {b.Length}");
        return judged with { AdjustedP = MannWhitney.Test(a, b).PValue };
    }

    private static ImmutableArray<MetricComparison> Correct(MetricComparison[] rows)
    {
        int[] tested = [.. Enumerable.Range(0, rows.Length).Where(i => rows[i].AdjustedP is not null)];
        double[] adjusted = MultipleComparisons.BenjaminiHochberg([.. tested.Select(i => rows[i].AdjustedP!.Value)]); // filtered one line above
        for (int k = 0; k < tested.Length; k++)
        {
            MetricComparison row = rows[tested[k]] with { AdjustedP = adjusted[k] };
            bool shown = adjusted[k] < FalseDiscoveryRate;
            rows[tested[k]] = shown || row.Verdict == Verdict.NoDifferenceShown
                ? row
                : row with { Verdict = Verdict.NoDifferenceShown, Note = $"{row.Note}; the test corrected for {tested.Length} timings fails" };
        }

        return [.. rows];
    }

    private static MetricComparison Judge(MetricComparison row, double difference, Interval interval, string how)
    {
        bool touches = !(interval.Low > 0 || interval.High < 0);
        return row with
        {
            Difference = difference,
            Interval = interval,
            Verdict = touches ? Verdict.NoDifferenceShown : Direct(row.Metric.Direction, interval.Low > 0),
            Note = how,
        };
    }

    private static MetricComparison Unsure(MetricComparison row, double? difference, string why) => row with { Difference = difference, Verdict = Verdict.NoDifferenceShown, Note = why };

    private static Verdict Direct(Direction direction, bool more) => direction switch
    {
        Direction.Higher => more ? Verdict.Better : Verdict.Worse,
        Direction.Lower => more ? Verdict.Worse : Verdict.Better,
        _ => Verdict.Different,
    };

    // Mean negative log-likelihood per chunk. Samples are per-chunk perplexities; the check keeps samples that mean something else from being paired.
    private static double[]? ChunkLogs(Measurement perplexity)
    {
        if (perplexity.Samples is not { Length: > 1 } samples || !samples.All(s => s > 0 && double.IsFinite(s))) return null;
        double[] logs = [.. samples.Select(s => Math.Log(s))];
        const double tolerance = 0.005; // rounding of figures, and chunks of unlike length at the end of a text
        if (Math.Abs(Descriptive.Mean(logs) - Math.Log(perplexity.Value)) < tolerance) return logs;
        return Math.Abs(Descriptive.Mean(samples) - Math.Log(perplexity.Value)) < tolerance ? samples : null;
    }
}
