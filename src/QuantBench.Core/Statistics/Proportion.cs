namespace QuantBench.Core.Statistics;

/// <summary>Shares of counted things, alone and in pairs.</summary>
public static class Proportion
{
    private const double Z = 1.959963984540054;

    /// <summary>Wilson's 95 % interval of a share; null of nothing.</summary>
    /// <param name="count">Those that count.</param>
    /// <param name="all">All of them.</param>
    public static Interval? Wilson(double count, double all)
    {
        if (all <= 0) return null;
        double p = count / all;
        double middle = (p + (Z * Z / (2 * all))) / (1 + (Z * Z / all));
        double half = Z / (1 + (Z * Z / all)) * Math.Sqrt((p * (1 - p) / all) + (Z * Z / (4 * all * all)));
        return new Interval(Math.Max(0, middle - half), Math.Min(1, middle + half));
    }

    /// <summary>McNemar's exact test of pairs: how likely changes are to fall this unevenly, or more so, when both ways are
    /// alike.</summary>
    /// <param name="lost">Pairs that went one way.</param>
    /// <param name="gained">Pairs that went the other way.</param>
    /// <returns>The two-sided p-value; 1 when nothing changed.</returns>
    public static double McNemar(long lost, long gained)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lost);
        ArgumentOutOfRangeException.ThrowIfNegative(gained);
        long fewer = Math.Min(lost, gained);
        long all = lost + gained;
        // P(X ≤ k) of a fair coin thrown n times is the regularized beta I½(n − k, k + 1).
        return fewer * 2 == all ? 1 : Math.Min(1, 2 * SpecialFunctions.RegularizedBeta(0.5, all - fewer, fewer + 1));
    }

    /// <summary>95 % interval of the ratio of two shares of the same things, by the logarithm's normal approximation (Desu and
    /// Raghavarao 2004); null when either is 0.</summary>
    /// <param name="both">Things that count in both.</param>
    /// <param name="lost">Those that count in the second alone, which divides.</param>
    /// <param name="gained">Those that count in the first alone.</param>
    public static Interval? PairedRatio(long both, long lost, long gained)
    {
        double first = both + gained;
        double second = both + lost;
        if (first == 0 || second == 0) return null;
        double half = Z * Math.Sqrt((lost + gained) / (first * second));
        return new Interval(first / second * Math.Exp(-half), first / second * Math.Exp(half));
    }
}
