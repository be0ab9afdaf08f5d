using System.Collections.Immutable;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Inference.Evaluators;

/// <summary>Scores of every position against the reference; written by several threads, each position once.</summary>
internal sealed class DivergenceScores(int positions)
{
    private readonly double[] _referenceNll = new double[positions];
    private readonly double[] _kl = new double[positions];
    private readonly double[] _deltaP = new double[positions];
    private readonly bool[] _sameTop = new bool[positions];

    /// <summary>NLL of the variant, nats.</summary>
    public double[] Nll { get; } = new double[positions];

    /// <summary>Scores one position.</summary>
    /// <returns>False when a logit isn't finite.</returns>
    public bool Score(int scored, ReadOnlySpan<float> reference, ReadOnlySpan<float> variant, int target)
    {
        RowDivergence row = LogitMath.Diverge(reference, variant);
        if (!row.Reference.IsFinite || !row.Variant.IsFinite) return false;
        Nll[scored] = row.Variant.Value - variant[target];
        _referenceNll[scored] = row.Reference.Value - reference[target];
        _kl[scored] = row.Kl;
        _deltaP[scored] = Math.Exp(-Nll[scored]) - Math.Exp(-_referenceNll[scored]);
        _sameTop[scored] = LogitMath.ArgMax(reference, row.Reference.Max) == LogitMath.ArgMax(variant, row.Variant.Max);
        return true;
    }

    /// <summary>Adds every metric against the reference.</summary>
    public void AddTo(ImmutableArray<Measurement>.Builder metrics, string protocol)
    {
        PairedNll paired = PairedStatistics.Compare(Nll, _referenceNll);
        Add("ppl_ratio", paired.Ratio);
        Add("ppl_difference", paired.Difference);
        Add("ln_ppl_ratio", paired.LnRatio);
        if (paired.Correlation is { } correlation) AddPlain("nll_correlation", correlation);
        Add("kl_mean", PairedStatistics.Mean(_kl));
        double[] kl = Sorted(_kl);
        AddPlain("kl_median", Descriptive.Quantile(kl, 0.5));
        AddPlain("kl_p90", Descriptive.Quantile(kl, 0.90));
        AddPlain("kl_p95", Descriptive.Quantile(kl, 0.95));
        AddPlain("kl_p99", Descriptive.Quantile(kl, 0.99));
        AddPlain("kl_p999", Descriptive.Quantile(kl, 0.999));
        AddPlain("kl_max", kl[^1]);
        Add("same_top", PairedStatistics.Share(_sameTop.Count(same => same), _sameTop.Length));
        Add("delta_p_mean", PairedStatistics.Mean(_deltaP));
        Add("delta_p_rms", PairedStatistics.RootMeanSquare(_deltaP));
        double[] deltaP = Sorted(_deltaP);
        AddPlain("delta_p_p01", Descriptive.Quantile(deltaP, 0.01));
        AddPlain("delta_p_p05", Descriptive.Quantile(deltaP, 0.05));
        AddPlain("delta_p_median", Descriptive.Quantile(deltaP, 0.5));
        AddPlain("delta_p_p95", Descriptive.Quantile(deltaP, 0.95));
        AddPlain("delta_p_p99", Descriptive.Quantile(deltaP, 0.99));

        void Add(string name, Estimate estimate) =>
            metrics.Add(Measurement.Of(name, estimate.Value, estimate.Error, Nll.Length) with { Protocol = protocol });

        void AddPlain(string name, double value) => metrics.Add(Measurement.Of(name, value, n: Nll.Length) with { Protocol = protocol });
    }

    private static double[] Sorted(double[] values)
    {
        double[] sorted = [.. values];
        Array.Sort(sorted);
        return sorted;
    }
}
