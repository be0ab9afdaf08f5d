namespace QuantBench.Core.Statistics;

/// <summary>An interval.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public readonly record struct Interval(double Low, double High)
{
    /// <summary>Half of the width.</summary>
    public double HalfWidth => (High - Low) / 2;
}

/// <summary>Percentile bootstrap (Efron 1979) with a fixed seed, so that a figure can be computed again.</summary>
public static class Bootstrap
{
    /// <summary>Resamples drawn unless told otherwise.</summary>
    public const int DefaultResamples = 2000;

    /// <summary>95 % interval of the median.</summary>
    /// <param name="values">At least one value.</param>
    /// <param name="resamples">Number of resamples.</param>
    /// <param name="seed">Seed of the generator.</param>
    public static Interval Median(ReadOnlySpan<double> values, int resamples = DefaultResamples, int seed = 1)
    {
        ArgumentOutOfRangeException.ThrowIfZero(values.Length, nameof(values));
        if (values.Length == 1) return new Interval(values[0], values[0]);
        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        int n = sorted.Length;

        // A resample's order statistics depend only on how often each rank was drawn, so ranks are counted instead of values sorted.
        var random = new Random(seed);
        int[] counts = new int[n];
        double[] medians = new double[resamples];
        for (int r = 0; r < resamples; r++)
        {
            Array.Clear(counts);
            for (int i = 0; i < n; i++) counts[random.Next(n)]++;
            medians[r] = MedianOfCounts(sorted, counts);
        }

        Array.Sort(medians);
        return new Interval(Descriptive.Quantile(medians, 0.025), Descriptive.Quantile(medians, 0.975));
    }

    private static double MedianOfResample(double[] sorted, int[] counts, Random random)
    {
        Array.Clear(counts);
        for (int i = 0; i < sorted.Length; i++) counts[random.Next(sorted.Length)]++;
        return MedianOfCounts(sorted, counts);
    }

    private static double MedianOfCounts(double[] sorted, int[] counts)
    {
        int n = sorted.Length;
        int low = (n - 1) / 2;
        int high = n / 2;
        int seen = 0;
        double lowValue = double.NaN;
        for (int i = 0; i < n; i++)
        {
            seen += counts[i];
            if (double.IsNaN(lowValue) && seen > low) lowValue = sorted[i];
            if (seen > high) return (lowValue + sorted[i]) / 2;
        }

        return sorted[^1];
    }
}
