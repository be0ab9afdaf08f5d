using System.Collections.Concurrent;

namespace QuantBench.Core.Statistics;

/// <summary>Shift between two samples with the interval that belongs to the Mann–Whitney test.</summary>
/// <param name="Shift">Median of all differences a − b (Hodges and Lehmann 1963).</param>
/// <param name="Interval">95 % interval: the shifts that the two-sided test doesn't reject at 5 %. Infinite when the samples are too small
/// for any.</param>
public readonly record struct ShiftEstimate(double Shift, Interval Interval);

/// <summary>
/// Hodges–Lehmann shift of two independent samples. Its interval excludes 0 exactly when the Mann–Whitney test rejects at 5 %, so that
/// verdict and interval can't contradict each other, and no shape of the noise is assumed.
/// </summary>
public static class HodgesLehmann
{
    private const double Normal975 = 1.959963984540054; // 97.5 % quantile of the standard normal

    private static readonly ConcurrentDictionary<(int N, int M), int> s_ranks = new();

    /// <summary>Estimates a − b.</summary>
    /// <param name="a">At least one value, all finite.</param>
    /// <param name="b">At least one value, all finite.</param>
    public static ShiftEstimate Of(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ArgumentOutOfRangeException.ThrowIfZero(a.Length, nameof(a));
        ArgumentOutOfRangeException.ThrowIfZero(b.Length, nameof(b));
        double[] x = a.ToArray();
        double[] y = b.ToArray();
        Array.Sort(x);
        Array.Sort(y);
        long pairs = (long)x.Length * y.Length;
        double shift = (Difference(x, y, (pairs - 1) / 2) + Difference(x, y, pairs / 2)) / 2;
        long rank = Rank(x.Length, y.Length, Ties(x, y));
        return rank < 1
            ? new ShiftEstimate(shift, new Interval(double.NegativeInfinity, double.PositiveInfinity))
            : new ShiftEstimate(shift, new Interval(Difference(x, y, rank - 1), Difference(x, y, pairs - rank)));
    }

    /// <summary>
    /// How many of the sorted differences lie outside the interval on each side: the largest k with P(U &lt; k) ≤ 2.5 %, from the
    /// distribution that <see cref="MannWhitney"/> would use for the same samples.
    /// </summary>
    private static long Rank(int n, int m, double ties)
    {
        long pairs = (long)n * m;
        if (pairs <= MannWhitney.LargestExactProduct && ties == 0)
        {
            return s_ranks.GetOrAdd((n, m), key =>
            {
                double[] chances = MannWhitney.NullDistribution(key.N, key.M);
                double tail = 0;
                int k = 0;
                while (k < chances.Length && tail + chances[k] <= 0.025) tail += chances[k++];
                return k;
            });
        }

        double total = (double)n + m;
        double variance = pairs / 12.0 * (total + 1 - (ties / (total * (total - 1))));
        // The test rejects when |U − nm/2| − 1/2 > z·σ; the smallest U it keeps is nm/2 − 1/2 − z·σ, rounded up.
        return (long)Math.Ceiling((pairs / 2.0) - 0.5 - (Normal975 * Math.Sqrt(Math.Max(0, variance))));
    }

    private static double Ties(double[] x, double[] y) => Ranks.Of([.. x, .. y]).TieTerm;

    /// <summary>
    /// The difference x[i] − y[j] of a rank, 0-based, among all of them, without making them: the doubles between the least and the
    /// greatest are bisected, and how many differences lie below is counted in one pass over both sorted samples.
    /// </summary>
    private static double Difference(double[] x, double[] y, long rank)
    {
        long low = Order(x[0] - y[^1]);
        long high = Order(x[^1] - y[0]);
        while (low < high)
        {
            long middle = (low & high) + ((low ^ high) >> 1); // their mean rounded down, without overflow
            if (Count(x, y, Value(middle)) > rank) high = middle;
            else low = middle + 1;
        }

        return Value(high);
    }

    // Doubles in their order as integers: at most 64 steps, also where the answer is 0 between a negative and a positive end.
    private static long Order(double value)
    {
        long bits = BitConverter.DoubleToInt64Bits(value + 0.0); // −0 + 0 is +0
        return bits >= 0 ? bits : long.MinValue - bits;
    }

    private static double Value(long order) => BitConverter.Int64BitsToDouble(order >= 0 ? order : long.MinValue - order);

    // Number of differences at most `value`: x rises, so the first y that is large enough only moves up.
    private static long Count(double[] x, double[] y, double value)
    {
        long count = 0;
        int j = 0;
        foreach (double xi in x)
        {
            while (j < y.Length && xi - y[j] > value) j++;
            count += y.Length - j;
        }

        return count;
    }
}
