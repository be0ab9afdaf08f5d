namespace QuantBench.Core.Statistics;

/// <summary>Descriptive statistics of raw samples.</summary>
public static class Descriptive
{
    /// <summary>Least observations before a 90th percentile is shown (MLPerf's early-stopping table at 99 % confidence).</summary>
    public const int P90Observations = 64;

    /// <summary>
    /// Least observations before a 95th percentile is shown. A percentile q is shown only when about n·(1 − q) ≈ 6.5 observations lie
    /// beyond it: the share that MLPerf's 64 for the 90th (6.4) and 662 for the 99th (6.6) leave.
    /// </summary>
    public const int P95Observations = 130;

    /// <summary>Least observations before a 99th percentile is shown (MLPerf's early-stopping table).</summary>
    public const int P99Observations = 662;

    /// <summary>Arithmetic mean, summed with Kahan's compensation.</summary>
    /// <param name="values">At least one value.</param>
    public static double Mean(ReadOnlySpan<double> values)
    {
        ArgumentOutOfRangeException.ThrowIfZero(values.Length, nameof(values));
        double sum = 0;
        double lost = 0;
        foreach (double value in values)
        {
            double y = value - lost;
            double t = sum + y;
            lost = (t - sum) - y;
            sum = t;
        }

        return sum / values.Length;
    }

    /// <summary>Sample standard deviation (n − 1); 0 for one value.</summary>
    /// <param name="values">At least one value.</param>
    public static double StandardDeviation(ReadOnlySpan<double> values)
    {
        if (values.Length < 2) return 0;
        double mean = Mean(values);
        double squares = 0;
        foreach (double value in values) squares += (value - mean) * (value - mean);
        return Math.Sqrt(squares / (values.Length - 1));
    }

    /// <summary>Quantile of sorted values by linear interpolation at q·(n − 1), as llama-perplexity and numpy's default do.</summary>
    /// <param name="sorted">At least one value, ascending.</param>
    /// <param name="q">0 to 1.</param>
    public static double Quantile(ReadOnlySpan<double> sorted, double q)
    {
        ArgumentOutOfRangeException.ThrowIfZero(sorted.Length, nameof(sorted));
        double at = Math.Clamp(q, 0, 1) * (sorted.Length - 1);
        int low = (int)at;
        if (low + 1 >= sorted.Length) return sorted[^1];
        double fraction = at - low;
        return (1 - fraction) * sorted[low] + fraction * sorted[low + 1];
    }

    /// <summary>Median of values in any order.</summary>
    /// <param name="values">At least one value; not changed.</param>
    public static double Median(ReadOnlySpan<double> values)
    {
        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        return Quantile(sorted, 0.5);
    }
}
