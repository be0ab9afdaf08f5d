namespace QuantBench.Core.Statistics;

/// <summary>Outcome of a Mann–Whitney test.</summary>
/// <param name="U">Pairs in which the first sample's value is the larger, ties counting half.</param>
/// <param name="PValue">Two-sided p-value.</param>
/// <param name="Effect">Rank-biserial correlation, which equals Cliff's delta: P(a &gt; b) − P(a &lt; b), −1 to 1.</param>
/// <param name="Exact">Whether the p-value is exact rather than a normal approximation.</param>
public readonly record struct MannWhitneyResult(double U, double PValue, double Effect, bool Exact);

/// <summary>Mann–Whitney U test: do two independent samples come from one distribution? (Mann and Whitney 1947.)</summary>
public static class MannWhitney
{
    /// <summary>Largest product of the two sizes for which the p-value is exact.</summary>
    public const int LargestExactProduct = 2500;

    /// <summary>
    /// Two-sided test. Exact when there are no ties and the samples are small; otherwise the normal approximation with corrections for ties
    /// and continuity.
    /// </summary>
    /// <param name="a">At least one value, none NaN.</param>
    /// <param name="b">At least one value, none NaN.</param>
    public static MannWhitneyResult Test(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ArgumentOutOfRangeException.ThrowIfZero(a.Length, nameof(a));
        ArgumentOutOfRangeException.ThrowIfZero(b.Length, nameof(b));
        double n = a.Length;
        double m = b.Length;
        (double[] ranks, double ties) = Ranks.Of([.. a, .. b]);
        double rankSum = 0;
        for (int i = 0; i < a.Length; i++) rankSum += ranks[i];
        double u = rankSum - (n * (n + 1) / 2);
        double effect = (2 * u / (n * m)) - 1;
        if (ties == 0 && n * m <= LargestExactProduct)
        {
            return new MannWhitneyResult(u, Math.Min(1, 2 * ExactUpperTail(a.Length, b.Length, (int)Math.Max(u, (n * m) - u))), effect,
                true);
        }

        double total = n + m;
        double variance = n * m / 12 * (total + 1 - (ties / (total * (total - 1))));
        if (variance <= 0) return new MannWhitneyResult(u, 1, effect, false); // every value is equal
        double z = Math.Max(0, Math.Abs(u - (n * m / 2)) - 0.5) / Math.Sqrt(variance);
        return new MannWhitneyResult(u, Math.Min(1, 2 * SpecialFunctions.NormalUpperTail(z)), effect, false);
    }

    /// <summary>Probability of each U from 0 to n·m when both samples come from one distribution without ties.</summary>
    /// <remarks>
    /// The number of orders with U = k is the coefficient of xᵏ in the Gaussian binomial ∏ (1 − x^(m+i)) / (1 − x^i), computed on
    /// probabilities' scale (each step divided by its share of the binomial) so that nothing overflows.
    /// </remarks>
    internal static double[] NullDistribution(int n, int m)
    {
        if (n > m) (n, m) = (m, n);
        int most = n * m;
        double[] counts = new double[most + 1];
        counts[0] = 1;
        for (int i = 1; i <= n; i++)
        {
            for (int k = most; k >= m + i; k--) counts[k] -= counts[k - m - i];
            for (int k = i; k <= most; k++) counts[k] += counts[k - i];
            double share = (double)i / (m + i);
            for (int k = 0; k <= most; k++) counts[k] *= share;
        }

        return counts;
    }

    // P(U ≥ u). The distribution is symmetric; the upper tail is summed as the lower one, smallest terms first.
    private static double ExactUpperTail(int n, int m, int u)
    {
        double[] chances = NullDistribution(n, m);
        double tail = 0;
        for (int k = 0; k <= (n * m) - u; k++) tail += chances[k];
        return tail;
    }
}
