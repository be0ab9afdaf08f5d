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

    /// <summary>95 % interval of median(a) / median(b) of two independent samples.</summary>
    /// <param name="a">At least one value.</param>
    /// <param name="b">At least one value, all above 0.</param>
    /// <param name="resamples">Number of resamples.</param>
    /// <param name="seed">Seed of the generator.</param>
    public static Interval RatioOfMedians(ReadOnlySpan<double> a, ReadOnlySpan<double> b, int resamples = DefaultResamples, int seed = 1)
    {
        ArgumentOutOfRangeException.ThrowIfZero(a.Length, nameof(a));
        ArgumentOutOfRangeException.ThrowIfZero(b.Length, nameof(b));
        double[] sortedA = a.ToArray();
        double[] sortedB = b.ToArray();
        Array.Sort(sortedA);
        Array.Sort(sortedB);
        if (!(sortedB[0] > 0)) throw new ArgumentException("a ratio needs positive values", nameof(b));
        var random = new Random(seed);
        int[] countsA = new int[a.Length];
        int[] countsB = new int[b.Length];
        double[] ratios = new double[resamples];
        for (int r = 0; r < resamples; r++)
            ratios[r] = MedianOfResample(sortedA, countsA, random) / MedianOfResample(sortedB, countsB, random);
        Array.Sort(ratios);
        return new Interval(Descriptive.Quantile(ratios, 0.025), Descriptive.Quantile(ratios, 0.975));
    }

    /// <summary>95 % interval of mean(a − b) of paired samples: pairs are resampled together.</summary>
    /// <param name="a">First value of each pair; at least one.</param>
    /// <param name="b">Second value of each pair; same length.</param>
    /// <param name="resamples">Number of resamples.</param>
    /// <param name="seed">Seed of the generator.</param>
    public static Interval PairedMean(ReadOnlySpan<double> a, ReadOnlySpan<double> b, int resamples = DefaultResamples, int seed = 1)
    {
        ArgumentOutOfRangeException.ThrowIfZero(a.Length, nameof(a));
        if (a.Length != b.Length) throw new ArgumentException("the samples must have the same length", nameof(b));
        double[] differences = new double[a.Length];
        for (int i = 0; i < a.Length; i++) differences[i] = a[i] - b[i];
        var random = new Random(seed);
        double[] means = new double[resamples];
        for (int r = 0; r < resamples; r++)
        {
            double sum = 0;
            for (int i = 0; i < differences.Length; i++) sum += differences[random.Next(differences.Length)];
            means[r] = sum / differences.Length;
        }

        Array.Sort(means);
        return new Interval(Descriptive.Quantile(means, 0.025), Descriptive.Quantile(means, 0.975));
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
