namespace QuantBench.Core.Statistics;

/// <summary>Mean difference of paired observations with its standard error.</summary>
/// <param name="Mean">mean(a) − mean(b).</param>
/// <param name="Error">Standard error of <see cref="Mean"/>; NaN for one pair.</param>
/// <param name="Correlation">Pearson correlation of the pairs; NaN when one side doesn't vary.</param>
/// <param name="N">Number of pairs.</param>
public readonly record struct PairedDifference(double Mean, double Error, double Correlation, int N)
{
    /// <summary>
    /// Computes it. The error is sqrt((var a + var b − 2 cov) / n), taken as the variance of the differences themselves, which is the same
    /// figure without the cancellation.
    /// </summary>
    /// <param name="a">First value of each pair; at least one.</param>
    /// <param name="b">Second value of each pair; same length.</param>
    public static PairedDifference Of(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ArgumentOutOfRangeException.ThrowIfZero(a.Length, nameof(a));
        if (a.Length != b.Length) throw new ArgumentException("the samples must have the same length", nameof(b));
        int n = a.Length;
        double[] differences = new double[n];
        for (int i = 0; i < n; i++) differences[i] = a[i] - b[i];
        double meanA = Descriptive.Mean(a);
        double meanB = Descriptive.Mean(b);
        double product = 0;
        for (int i = 0; i < n; i++) product += (a[i] - meanA) * (b[i] - meanB);
        double scale = Descriptive.StandardDeviation(a) * Descriptive.StandardDeviation(b) * (n - 1);
        return new PairedDifference(
            Descriptive.Mean(differences),
            n > 1 ? Descriptive.StandardDeviation(differences) / Math.Sqrt(n) : double.NaN,
            scale > 0 ? product / scale : double.NaN,
            n);
    }
}
