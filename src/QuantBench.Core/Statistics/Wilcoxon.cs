namespace QuantBench.Core.Statistics;

/// <summary>Outcome of a Wilcoxon signed-rank test.</summary>
/// <param name="RankSum">Sum of the ranks of positive differences.</param>
/// <param name="PValue">Two-sided p-value.</param>
/// <param name="Effect">Matched-pairs rank-biserial correlation: (positive − negative rank sum) over all, −1 to 1.</param>
/// <param name="N">Pairs with a difference other than 0.</param>
/// <param name="Exact">Whether the p-value is exact rather than a normal approximation.</param>
public readonly record struct WilcoxonResult(double RankSum, double PValue, double Effect, int N, bool Exact);

/// <summary>Wilcoxon signed-rank test for paired samples (Wilcoxon 1945); pairs without a difference are dropped.</summary>
public static class Wilcoxon
{
    /// <summary>Most pairs for which the p-value is exact.</summary>
    public const int LargestExact = 50;

    /// <summary>Two-sided test of a − b. Exact without ties and with few pairs; otherwise the normal approximation, corrected for
    /// ties.</summary>
    /// <param name="a">First value of each pair.</param>
    /// <param name="b">Second value of each pair; same length.</param>
    public static WilcoxonResult Test(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        if (a.Length != b.Length) throw new ArgumentException("the samples must have the same length", nameof(b));
        var differences = new List<double>(a.Length);
        for (int i = 0; i < a.Length; i++)
        {
            double difference = a[i] - b[i];
            if (difference != 0) differences.Add(difference);
        }

        int n = differences.Count;
        if (n == 0) return new WilcoxonResult(0, 1, 0, 0, true);
        (double[] ranks, double ties) = Ranks.Of([.. differences.Select(Math.Abs)]);
        double positive = 0;
        for (int i = 0; i < n; i++) positive += differences[i] > 0 ? ranks[i] : 0;
        double all = n * (n + 1.0) / 2;
        double effect = (2 * positive / all) - 1;
        if (ties == 0 && n <= LargestExact)
        {
            return new WilcoxonResult(positive, Math.Min(1, 2 * ExactLowerTail(n, (int)Math.Min(positive, all - positive))), effect, n,
                true);
        }

        double variance = (n * (n + 1.0) * ((2 * n) + 1) / 24) - (ties / 48);
        double z = Math.Abs(positive - (all / 2)) / Math.Sqrt(variance);
        return new WilcoxonResult(positive, Math.Min(1, 2 * SpecialFunctions.NormalUpperTail(z)), effect, n, false);
    }

    // Each rank is positive with probability 1/2: probabilities of the sum are built up one rank at a time.
    private static double ExactLowerTail(int n, int sum)
    {
        double[] chances = new double[(n * (n + 1) / 2) + 1];
        chances[0] = 1;
        for (int rank = 1; rank <= n; rank++)
        {
            for (int k = chances.Length - 1; k >= 0; k--) chances[k] = (chances[k] + (k >= rank ? chances[k - rank] : 0)) / 2;
        }

        double tail = 0;
        for (int k = 0; k <= sum; k++) tail += chances[k];
        return tail;
    }
}
