namespace QuantBench.Core.Statistics;

/// <summary>Decides from warm-up samples whether a timing has settled.</summary>
public static class SteadyState
{
    /// <summary>Samples of each of the two windows that are compared.</summary>
    public const int DefaultWindow = 5;

    /// <summary>Largest relative change between the windows' medians.</summary>
    public const double DefaultTolerance = 0.05;

    /// <summary>Significance at which the trend test calls the last two windows moving.</summary>
    public const double TrendLevel = 0.05;

    /// <summary>
    /// Whether the last window's median is within the tolerance of the one before it, and the Mann–Kendall test sees no trend over the two
    /// (Mann 1945, normal approximation with continuity and tie correction).
    /// </summary>
    /// <param name="samples">Warm-up samples in the order taken.</param>
    /// <param name="window">Samples of each window, at least 2.</param>
    /// <param name="tolerance">Largest relative change of the median.</param>
    /// <returns>False while there are fewer samples than two windows.</returns>
    public static bool IsReached(ReadOnlySpan<double> samples, int window = DefaultWindow, double tolerance = DefaultTolerance)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 2);
        if (samples.Length < 2 * window) return false;
        ReadOnlySpan<double> both = samples[^(2 * window)..];
        double before = Descriptive.Median(both[..window]);
        double after = Descriptive.Median(both[window..]);
        return Math.Abs(after - before) <= tolerance * Math.Abs(before) && MannKendall(both) > TrendLevel;
    }

    /// <summary>Two-sided p-value of the Mann–Kendall test against a monotonic trend.</summary>
    /// <param name="samples">At least two samples in the order taken.</param>
    public static double MannKendall(ReadOnlySpan<double> samples)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples.Length, 2, nameof(samples));
        long s = 0;
        for (int i = 0; i < samples.Length; i++)
        {
            for (int j = i + 1; j < samples.Length; j++) s += samples[j].CompareTo(samples[i]);
        }

        double[] sorted = samples.ToArray();
        Array.Sort(sorted);
        double n = samples.Length;
        double variance = n * (n - 1) * ((2 * n) + 5);
        for (int start = 0; start < sorted.Length;)
        {
            int end = start + 1;
            while (end < sorted.Length && sorted[end].Equals(sorted[start])) end++;
            double t = end - start;
            variance -= t * (t - 1) * ((2 * t) + 5);
            start = end;
        }

        if (variance <= 0) return 1; // every sample is equal
        double z = Math.Max(0, Math.Abs(s) - 1) / Math.Sqrt(variance / 18);
        return Math.Min(1, 2 * SpecialFunctions.NormalUpperTail(z));
    }
}
