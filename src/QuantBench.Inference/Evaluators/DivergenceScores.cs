using System.Collections.Immutable;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Inference.Evaluators;

/// <summary>Scores of every position against the reference; written by several threads, each position once.</summary>
internal sealed class DivergenceScores
{
    // Standard errors within which what is known from samples is said to lie: all but 6 in 100,000.
    private const double BoundErrors = 4;

    private readonly double[] _referenceNll;
    private readonly double[] _kl;
    private readonly float[] _klError;
    private readonly float[] _confidence;
    private readonly bool[] _sameTop;
    private readonly float[] _sameTopFive;
    private readonly OtherDivergences[]? _others;

    /// <summary>Makes room.</summary>
    /// <param name="positions">Scored positions.</param>
    /// <param name="others">Whether the other divergences are wanted.</param>
    public DivergenceScores(int positions, bool others)
    {
        Nll = new double[positions];
        _referenceNll = new double[positions];
        _kl = new double[positions];
        _klError = new float[positions];
        _confidence = new float[positions];
        _sameTop = new bool[positions];
        _sameTopFive = new float[positions];
        _others = others ? new OtherDivergences[positions] : null;
    }

    /// <summary>NLL of the variant, nats; NaN where a position doesn't count.</summary>
    public double[] Nll { get; }

    /// <summary>Takes a position that doesn't count.</summary>
    public void Skip(int scored) => Nll[scored] = double.NaN;

    /// <summary>Takes a position's scores.</summary>
    public void Take(int scored, in RowScore score, in OtherDivergences others)
    {
        Nll[scored] = score.Nll;
        _referenceNll[scored] = score.ReferenceNll;
        _kl[scored] = score.Kl;
        _klError[scored] = (float)score.KlError;
        _confidence[scored] = (float)score.Confidence;
        _sameTop[scored] = score.SameTop;
        _sameTopFive[scored] = (float)score.SameTopFive;
        if (_others is not null) _others[scored] = others;
    }

    /// <summary>Adds every metric against the reference.</summary>
    /// <param name="metrics">Receives them.</param>
    /// <param name="plan">Where the positions lie.</param>
    /// <param name="finite">Which of them count.</param>
    /// <param name="protocol">Their protocol.</param>
    /// <param name="wanted">Which of the other divergences are wanted.</param>
    /// <param name="floor">The reference's noise; null = not known.</param>
    public void AddTo(ImmutableArray<Measurement>.Builder metrics, ChunkPlan plan, FinitePositions finite, string protocol, string wanted,
        ReferenceFloor? floor)
    {
        double[] nll = finite.Keep(Nll), reference = finite.Keep(_referenceNll), kl = finite.Keep(_kl);
        PairedNll paired = PairedStatistics.Compare(nll, reference);
        Add("ppl_ratio", paired.Ratio);
        Add("ppl_difference", paired.Difference);
        AddMean("ln_ppl_ratio", paired.LnRatio, [.. nll.Zip(reference, (variant, of) => variant - of)]);
        if (paired.Correlation is { } correlation) AddPlain("nll_correlation", correlation);
        AddMean("kl_mean", PairedStatistics.Mean(kl), kl);
        if (floor?.Kl is { } noise)
        {
            if (metrics[^1].Value < 2 * noise)
                metrics[^1] = metrics[^1] with { Notes = [FormattableString.Invariant($"{Measurement.NotToldFromNoise}: {noise:0.##e0}")] };
            metrics.Add(Measurement.Of("kl_floor", noise, n: floor.Positions) with { Protocol = protocol });
        }

        double[] sorted = Sorted(kl);
        foreach ((string name, double quantile) in s_quantiles) AddPlain(name, Descriptive.Quantile(sorted, quantile));
        AddPlain("kl_max", sorted[^1]);
        AddPlain("kl_bound", MeanBound(finite));
        AddParts(kl, finite.Numbers(), plan);
        double[] top = [.. finite.Keep(_sameTop).Select(same => same ? 1.0 : 0)], topFive = [.. finite.Keep(_sameTopFive)];
        AddMean("same_top", PairedStatistics.Share(top.Count(same => same > 0), nll.Length), top);
        AddMean("same_top5", PairedStatistics.Mean(topFive), topFive);
        double[] deltaP = [.. nll.Zip(reference, (variant, of) => Math.Exp(-variant) - Math.Exp(-of))];
        AddMean("delta_p_mean", PairedStatistics.Mean(deltaP), deltaP);
        Add("delta_p_rms", PairedStatistics.RootMeanSquare(deltaP));
        Array.Sort(deltaP);
        AddPlain("delta_p_p01", Descriptive.Quantile(deltaP, 0.01));
        AddPlain("delta_p_p05", Descriptive.Quantile(deltaP, 0.05));
        AddPlain("delta_p_median", Descriptive.Quantile(deltaP, 0.5));
        AddPlain("delta_p_p95", Descriptive.Quantile(deltaP, 0.95));
        AddPlain("delta_p_p99", Descriptive.Quantile(deltaP, 0.99));
        if (_others is null) return;
        OtherDivergences[] others = finite.Keep(_others);
        if (wanted.Contains("reverse", StringComparison.Ordinal))
            Add("kl_reverse", PairedStatistics.Mean([.. others.Select(o => o.Reverse)]));
        if (wanted.Contains("js", StringComparison.Ordinal))
            Add("js_divergence", PairedStatistics.Mean([.. others.Select(o => o.JensenShannon)]));

        void AddParts(double[] values, int[] positions, ChunkPlan of)
        {
            float[] confidence = finite.Keep(_confidence);
            for (int part = 0; part < s_confidences.Length; part++)
                AddPart(s_confidences[part], i => (int)Math.Min(s_confidences.Length - 1, confidence[i] * s_confidences.Length) == part);
            for (int part = 0; part < s_depths.Length; part++)
                AddPart(s_depths[part], i => positions[i] % of.ScoredPerChunk * s_depths.Length / of.ScoredPerChunk == part);

            void AddPart(string name, Func<int, bool> belongs)
            {
                double[] those = [.. values.Where((_, i) => belongs(i))];
                if (those.Length == 0) return;
                Estimate mean = PairedStatistics.Mean(those);
                metrics.Add(Measurement.Of(name, mean.Value, mean.Error, those.Length) with { Protocol = protocol });
            }
        }

        void Add(string name, Estimate estimate) =>
            metrics.Add(Measurement.Of(name, estimate.Value, estimate.Error, nll.Length) with { Protocol = protocol });

        // Its means per chunk are its samples, so that two variants can be compared in pairs.
        void AddMean(string name, Estimate estimate, double[] values)
        {
            int[] positions = finite.Numbers();
            double[] chunks =
                [.. values.Zip(positions).GroupBy(v => v.Second / plan.ScoredPerChunk, v => v.First).Select(c => c.Average())];
            metrics.Add(Measurement.Of(name, estimate.Value, estimate.Error, nll.Length) with { Samples = chunks, Protocol = protocol });
        }

        void AddPlain(string name, double value) => metrics.Add(Measurement.Of(name, value, n: nll.Length) with { Protocol = protocol });
    }

    /// <summary>How far each statistic of the divergence may be from that of the whole distributions, in nats.</summary>
    /// <param name="finite">Which positions count.</param>
    public string Bounds(FinitePositions finite)
    {
        double[] kl = finite.Keep(_kl);
        float[] errors = finite.Keep(_klError);
        double[] low = Sorted([.. kl.Zip(errors, (k, e) => k - BoundErrors * e)]);
        double[] high = Sorted([.. kl.Zip(errors, (k, e) => k + BoundErrors * e)]);
        double[] sorted = Sorted(kl);
        return string.Join("; ", s_quantiles.Select(q => Said(q.Name, Far(v => Descriptive.Quantile(v, q.Quantile))))
            .Prepend(Said("kl_mean", MeanBound(finite))).Append(Said("kl_max", Far(v => v[^1]))));

        double Far(Func<double[], double> of) => Math.Max(of(high) - of(sorted), of(sorted) - of(low));
        static string Said(string name, double bound) => FormattableString.Invariant($"{name} {bound:0.##e0}");
    }

    private static readonly (string Name, double Quantile)[] s_quantiles =
        [("kl_median", 0.5), ("kl_p90", 0.90), ("kl_p95", 0.95), ("kl_p99", 0.99), ("kl_p999", 0.999)];

    private static readonly string[] s_confidences =
        ["kl_confidence_1", "kl_confidence_2", "kl_confidence_3", "kl_confidence_4", "kl_confidence_5"];

    private static readonly string[] s_depths = ["kl_depth_1", "kl_depth_2", "kl_depth_3", "kl_depth_4"];

    private double MeanBound(FinitePositions finite)
    {
        float[] errors = finite.Keep(_klError);
        return BoundErrors * Math.Sqrt(errors.Sum(e => (double)e * e)) / errors.Length;
    }

    private static double[] Sorted(double[] values)
    {
        double[] sorted = [.. values];
        Array.Sort(sorted);
        return sorted;
    }
}
