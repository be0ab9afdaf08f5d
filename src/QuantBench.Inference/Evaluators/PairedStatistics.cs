namespace QuantBench.Inference.Evaluators;

/// <summary>An estimate and its standard error.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="Error">Standard error.</param>
internal readonly record struct Estimate(double Value, double Error);

/// <summary>llama-perplexity's statistics: errors of means are √(population variance / (n − 1)); paired ones use the covariance.</summary>
internal static class PairedStatistics
{
    /// <summary>Mean and its standard error; the error of fewer than two values is 0.</summary>
    /// <param name="values">At least one value.</param>
    public static Estimate Mean(ReadOnlySpan<double> values)
    {
        double mean = Core.Statistics.Descriptive.Mean(values);
        return new Estimate(mean, values.Length < 2 ? 0 : Math.Sqrt(Covariance(values, mean, values, mean) / (values.Length - 1)));
    }

    /// <summary>Perplexity: exp(mean NLL) ± itself times the mean's error.</summary>
    /// <param name="nll">Negative log-likelihoods in nats.</param>
    public static Estimate Perplexity(ReadOnlySpan<double> nll)
    {
        Estimate mean = Mean(nll);
        double perplexity = Math.Exp(mean.Value);
        return new Estimate(perplexity, perplexity * mean.Error);
    }

    /// <summary>Comparison of a variant's negative log-likelihoods with the reference's on the same tokens.</summary>
    /// <param name="variant">NLL of the variant.</param>
    /// <param name="reference">NLL of the reference; as long.</param>
    public static PairedNll Compare(ReadOnlySpan<double> variant, ReadOnlySpan<double> reference)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(reference.Length, variant.Length, nameof(reference));
        Estimate a = Mean(variant);
        Estimate b = Mean(reference);
        double covariance = variant.Length < 2 ? 0 : Covariance(variant, a.Value, reference, b.Value) / (variant.Length - 1);
        double lnRatio = a.Value - b.Value;
        double lnRatioError = Root(a.Error * a.Error + b.Error * b.Error - 2 * covariance);
        double perplexity = Math.Exp(a.Value);
        double referencePerplexity = Math.Exp(b.Value);
        double error = perplexity * a.Error;
        double referenceError = referencePerplexity * b.Error;
        double differenceError = Root(error * error + referenceError * referenceError - 2 * perplexity * referencePerplexity * covariance);
        double ratio = Math.Exp(lnRatio);
        double product = a.Error * b.Error;
        return new PairedNll(
            new Estimate(lnRatio, lnRatioError),
            new Estimate(ratio, ratio * lnRatioError),
            new Estimate(perplexity - referencePerplexity, differenceError),
            product > 0 ? covariance / product : null);
    }

    /// <summary>Root mean square and its error, 0.5/rms times the error of the mean square.</summary>
    public static Estimate RootMeanSquare(ReadOnlySpan<double> values)
    {
        double[] squares = new double[values.Length];
        for (int i = 0; i < squares.Length; i++) squares[i] = values[i] * values[i];
        Estimate mean = Mean(squares);
        double rms = Math.Sqrt(mean.Value);
        return new Estimate(rms, rms > 0 ? 0.5 / rms * mean.Error : 0);
    }

    /// <summary>A share with its binomial error √(p(1 − p)/(n − 1)).</summary>
    public static Estimate Share(long hits, long n)
    {
        double share = (double)hits / n;
        return new Estimate(share, n < 2 ? 0 : Math.Sqrt(share * (1 - share) / (n - 1)));
    }

    // Population covariance, two passes: Σ(a − ā)(b − b̄)/n. Equal to llama-perplexity's Σab/n − āb̄ without its cancellation.
    private static double Covariance(ReadOnlySpan<double> a, double meanA, ReadOnlySpan<double> b, double meanB)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += (a[i] - meanA) * (b[i] - meanB);
        return sum / a.Length;
    }

    // Of two nearly equal series the difference of variances can round below zero.
    private static double Root(double value) => Math.Sqrt(Math.Max(0, value));
}

/// <summary>A variant's negative log-likelihoods against the reference's.</summary>
/// <param name="LnRatio">Mean difference: ln(PPL / reference PPL), nats.</param>
/// <param name="Ratio">PPL / reference PPL.</param>
/// <param name="Difference">PPL − reference PPL.</param>
/// <param name="Correlation">Correlation of the two series; null when one of them is constant.</param>
internal sealed record PairedNll(Estimate LnRatio, Estimate Ratio, Estimate Difference, double? Correlation);
