using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using QuantBench.Core.Cells;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Compare;

/// <summary>
/// Compares sides cell by cell. A difference is called one only when its interval says so and its test holds after correction for how many
/// are looked at (Benjamini and Hochberg 1995).
/// </summary>
public static class RunComparer
{
    private const double FalseDiscoveryRate = 0.05;

    // Two readings of the yardstick's products on a machine that stays the same are closer than this; its stream of memory scatters more.
    private const double LeastDrift = 0.03;

    /// <summary>Compares B with A.</summary>
    /// <param name="a">The base.</param>
    /// <param name="b">What is compared with it.</param>
    /// <param name="history">What is known of the noise between runs; null when nothing is.</param>
    public static RunComparison Compare(ComparisonSide a, ComparisonSide b, MachineHistory? history = null) => Compare(a, [b], history)[0];

    /// <summary>Compares several sides with one base; the correction counts all of them together.</summary>
    /// <param name="a">The base.</param>
    /// <param name="others">What is compared with it; at least one.</param>
    /// <param name="history">What is known of the noise between runs; null when nothing is.</param>
    /// <returns>One comparison per other side, in their order.</returns>
    public static ImmutableArray<RunComparison> Compare(ComparisonSide a, IReadOnlyList<ComparisonSide> others,
        MachineHistory? history = null)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(others);
        return Correct([.. others.Select(b => Raw(a, b, history))]);
    }

    /// <summary>
    /// Compares two sides measured several times side by side: each pair gives one ratio per cell and metric, and what their intervals come
    /// from is how much the ratios differ. It holds what one run can't show: the noise between runs.
    /// </summary>
    /// <param name="pairs">At least two pairs of sides, each measured on one machine in one state; the first of a pair is the base.</param>
    public static RunComparison ComparePaired(IReadOnlyList<(ComparisonSide A, ComparisonSide B)> pairs)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        ArgumentOutOfRangeException.ThrowIfLessThan(pairs.Count, 2, nameof(pairs));
        RunComparison[] single = [.. pairs.Select(p => Raw(p.A, p.B, null))];
        Dictionary<(string Cell, string Metric), MetricComparison>[] byKey = [
            .. single.Select(c => c.Rows.DistinctBy(Key).ToDictionary(Key))];
        MetricComparison[] rows =
        [
            .. byKey[0].Where(r => byKey.All(d => d.ContainsKey(r.Key))).Select(r => Combine([.. byKey.Select(d => d[r.Key])])),
        ];
        string join(Func<(ComparisonSide A, ComparisonSide B), ComparisonSide> side) => string.Join('+', pairs.Select(p => side(p).Name));
        return Correct([
            new RunComparison(
                join(p => p.A), join(p => p.B), [.. single.SelectMany(c => c.Differing).Distinct()], [.. rows],
                [.. single.SelectMany(c => c.OnlyA).Distinct()], [.. single.SelectMany(c => c.OnlyB).Distinct()]),
        ])[0];

        static (string, string) Key(MetricComparison row) => (row.Cell, row.Metric.Name);
    }

    private static MetricComparison Combine(MetricComparison[] rows)
    {
        MetricComparison first = rows[0];
        if (rows.FirstOrDefault(r => r.Verdict == Verdict.NotComparable) is { } not) return not;
        if (rows.All(r => r.Metric.IsExact))
            return rows.All(r => r.Difference == first.Difference) ? first : rows.First(r => r.Difference != first.Difference);
        if (rows.All(r => r.Verdict == Verdict.Equal)) return first;
        if (rows.Any(r => !(r.A.Value > 0) || !(r.B.Value > 0)))
            return FigureComparer.NotComparable(first with { Difference = null, Interval = null, PValue = null }, FigureComparer.NoRatio);
        PairedDifference paired =
            PairedDifference.Of([.. rows.Select(r => Math.Log(r.B.Value))], [.. rows.Select(r => Math.Log(r.A.Value))]);
        return UnlikeArithmetic.Weigh(FigureComparer.Paired(first with { Effect = null }, paired,
            $"paired over {rows.Length.ToString(CultureInfo.InvariantCulture)} runs; A and B are those of the first"));
    }

    private static RunComparison Raw(ComparisonSide a, ComparisonSide b, MachineHistory? history)
    {
        ImmutableArray<string> differing = Differing(a, b);
        bool sameVariant = a.Variant is null || b.Variant is null;
        bool sameBackend = a.Backend is null || b.Backend is null;
        var cellsB = new Dictionary<CellKey, CellResult>(b.Run.Cells.Length); // sized once: growing leaves large pieces to collect
        foreach (CellResult cell in b.Cells) cellsB[Key(cell)] = cell;
        var met = new HashSet<CellKey>(cellsB.Count);
        var seen = new HashSet<(string, string, BackendId, string, double, double)>();
        var rows = ImmutableArray.CreateBuilder<MetricComparison>();
        var cellIds = new List<string?>(); // of each row; null when the sides' cells aren't the same
        var onlyA = ImmutableArray.CreateBuilder<string>();
        foreach (CellResult cell in a.Cells)
        {
            CellKey key = Key(cell);
            if (!cellsB.TryGetValue(key, out CellResult? other)) onlyA.Add(cell.Cell.Title);
            else if (met.Add(key))
            {
                Cells(cell, other, Title(cell.Cell), UnlikeArithmetic.Of(a.Run, cell, b.Run, other), rows,
                    m => seen.Add((key.Model, key.Variant, key.Backend, m.Name, m.A, m.B)));
                while (cellIds.Count < rows.Count) cellIds.Add(cell.Cell.Id.Value == other.Cell.Id.Value ? cell.Cell.Id.Value : null);
            }
        }

        // Each row is judged alone; both cores of a small machine are worth having when there are 100,000.
        MetricComparison[] judged = new MetricComparison[rows.Count];
        Dictionary<(string, BackendId?), NoisePrior?> priors = rows.Where(IsClean).GroupBy(Neighbours)
            .ToDictionary(g => g.Key, g => NoisePrior.Of(g.Select(Noisiness).OfType<(double, int)>()));
        RunNoise?[] noise = [.. cellIds.Select((id, i) => Noise(id, rows[i].Metric))];
        Parallel.For(0, judged.Length, i => judged[i] = rows[i].Note.Length > 0 ? rows[i]
            : UnlikeArithmetic.Weigh(FigureComparer.Compare(rows[i], differing, noise[i],
                priors.GetValueOrDefault(Neighbours(rows[i])))));
        return new RunComparison(a.Name, b.Name, differing, ImmutableCollectionsMarshal.AsImmutableArray(judged), onlyA.ToImmutable(),
            [.. cellsB.Where(c => !met.Contains(c.Key)).Select(c => c.Value.Cell.Title)]);

        // Drift between runs moves figures of one run alike, so that it is no part of their difference.
        RunNoise? Noise(string? cell, MetricDefinition metric) =>
            history is null || cell is null || metric.Kind != MetricKind.Timing || a.Run.Info.Id == b.Run.Info.Id ? null
                : history.Of(a.Run.Info.Fingerprint.MachineId, cell, metric, a.Run.Info.Id, b.Run.Info.Id);

        // Where both sides name a variant or a backend, that is what is compared; everything else must be equal.
        CellKey Key(CellResult result) => new(
            result.Cell.Model, sameVariant ? result.Cell.Variant.Id : "", sameBackend ? result.Cell.Backend : default, result.Cell.Workload,
            result.Cell.Settings.ToString());

        string Title(Cell cell) =>
            sameVariant && sameBackend ? cell.Title
                : string.Join(' ',
                    ((string[])[cell.Model, sameVariant ? cell.Variant.Id : "", sameBackend ? cell.Backend.ToString() : "", cell.Workload])
                        .Where(t => t.Length > 0));
    }

    // Timings whose launches vary alike: of one engine, device and workload. A speed and the time per piece are one figure.
    private static (string, BackendId?) Neighbours(MetricComparison row) => (row.Workload, row.Backend);

    private static bool IsClean(MetricComparison row) =>
        row.Metric is { Kind: MetricKind.Timing } && row.Metric != MetricTable.TokenLatency && row.Metric != MetricTable.TimeToFirstToken
        && row.Note.Length == 0 && row.A.Mark is null && row.B.Mark is null;

    private static (double, int)? Noisiness(MetricComparison row) =>
        LaunchDifference.NoiseOf(row.A.Timing?.LaunchValues ?? [], row.B.Timing?.LaunchValues ?? []);

    private static ImmutableArray<string> Differing(ComparisonSide a, ComparisonSide b) =>
        a.Run.Info.Id == b.Run.Info.Id ? []
            : [.. Comparability.Check(a.Run.Info.Fingerprint, b.Run.Info.Fingerprint).Select(d => d.ToString())];

    // A machine whose cores came to run at another speed makes everything faster or slower alike.
    private static double Drift(CellResult a, CellResult b)
    {
        if (!a.Conditions.TryGetValue(Yardstick.DotCondition, out double first)
            || !b.Conditions.TryGetValue(Yardstick.DotCondition, out double second)) return 0;
        double drift = Math.Abs(Math.Log(second / first));
        return drift > LeastDrift && double.IsFinite(drift) ? drift : 0;
    }

    // Rows without a note are yet to be judged.
    private static void Cells(CellResult a, CellResult b, string title, string? arithmetic,
        ImmutableArray<MetricComparison>.Builder rows,
        Func<(string Name, double A, double B), bool> isNew)
    {
        double drift = Drift(a, b);
        foreach (Measurement first in a.Metrics)
        {
            if (MetricTable.Find(first.Name) is not { } metric || b.Metric(first.Name) is not { } second) continue;
            if (double.IsNaN(first.Value) || double.IsNaN(second.Value)) continue;
            // A file's size is the same in every workload's cell, and a perplexity in both that score the text: said once is enough.
            if (metric.Kind != MetricKind.Timing && !isNew((metric.Name, first.Value, second.Value))) continue;
            var row = new MetricComparison
            {
                Cell = title,
                Metric = metric,
                A = first,
                B = second,
                Backend = a.Cell.Backend,
                Workload = a.Cell.Workload,
                VariantA = a.Cell.Variant,
                VariantB = b.Cell.Variant,
                ClassA = a.PrecisionClass,
                ClassB = b.PrecisionClass,
                Arithmetic = arithmetic,
                Drift = drift,
                Verdict = Verdict.NotComparable,
                Note = "",
            };
            bool meaningless = metric.Kind == MetricKind.Quality && (a.HasMeaninglessQuality || b.HasMeaninglessQuality);
            if (metric == MetricTable.WeightsSize && UnlikeArithmetic.Layout(a, b, arithmetic) is { } layout && first.Value != second.Value)
            {
                rows.Add(FigureComparer.NotComparable(
                    row with { Difference = first.Value == 0 ? null : (second.Value / first.Value) - 1 },
                    $"the same file, laid out for {layout}"));
                continue;
            }

            rows.Add(meaningless ? row with { Note = $"not comparable: {CellResult.MeaninglessQuality}" } : row);
        }
    }

    private static ImmutableArray<RunComparison> Correct(ImmutableArray<RunComparison> comparisons)
    {
        double[] adjusted =
            MultipleComparisons.BenjaminiHochberg([.. comparisons.SelectMany(c => c.Rows).Select(r => r.PValue).OfType<double>()]);
        int next = 0;
        return [.. comparisons.Select(c => c with { Rows = Sort(c.Rows.Select(Adjust)) })];

        MetricComparison Adjust(MetricComparison row)
        {
            if (row.PValue is null) return row;
            row = row with { AdjustedP = adjusted[next++] };
            bool shown = row.AdjustedP < FalseDiscoveryRate;
            return shown || !row.Verdict.IsShown()
                ? row
                : row with
                {
                    Verdict = Verdict.NotToldApart,
                    Note = $"{row.Note}; the test corrected for {adjusted.Length.ToString(CultureInfo.InvariantCulture)} comparisons fails"
                };
        }
    }

    // What matters first: shown losses, shown gains, then what isn't shown; larger differences first, on a scale where ×2 and ÷2 weigh
    // alike.
    private static ImmutableArray<MetricComparison> Sort(IEnumerable<MetricComparison> rows) =>
        [.. rows.OrderBy(r => Order(r.Verdict))
            .ThenByDescending(r => r.Absolute ? 0 : r.Difference is > -1 and var d ? Math.Abs(Math.Log(1 + d)) : double.PositiveInfinity)];

    private static int Order(Verdict verdict) => verdict switch
    {
        Verdict.Worse => 0,
        Verdict.Better => 1,
        Verdict.Different => 2,
        Verdict.NotToldApart => 3,
        Verdict.NoErrorKnown => 4,
        Verdict.Equal => 5,
        _ => 6,
    };

    private readonly record struct CellKey(string Model, string Variant, BackendId Backend, string Workload, string Settings);
}
