namespace QuantBench.Core.Statistics;

/// <summary>A difference of two timings as a logarithm of their ratio.</summary>
/// <param name="Difference">Mean log of the second less that of the first.</param>
/// <param name="Error">Its standard error.</param>
/// <param name="Degrees">Degrees of freedom of the error.</param>
public readonly record struct LaunchDifference(double Difference, double Error, int Degrees)
{
    // A standard error from 4 degrees of freedom is twice the true one in 3 of 1000 cases.
    private const double NoisierThanHistory = 2;

    /// <summary>By how much, as a logarithm, the machine itself may have changed between the two: that much of a difference is no one's.
    /// </summary>
    public double Drift { get; init; }

    /// <summary>Two-sided p-value of no difference beyond the drift.</summary>
    public double PValue
    {
        get
        {
            double beyond = Math.Max(0, Math.Abs(Difference) - Drift);
            return Error == 0 ? (beyond == 0 ? 1 : 0) : SpecialFunctions.StudentTwoSided(beyond / Error, Degrees);
        }
    }

    /// <summary>95 % interval.</summary>
    public Interval Interval
    {
        get
        {
            double half = Drift + (Error == 0 ? 0 : SpecialFunctions.StudentQuantile(0.95, Degrees) * Error);
            return new Interval(Difference - half, Difference + half);
        }
    }

    /// <summary>
    /// Compares two timings by their launches: Student's test of the logarithms with one variance, since what varies between launches is
    /// the machine's. Null when there aren't at least two on each side, all positive.
    /// </summary>
    /// <param name="a">Launch values of the base.</param>
    /// <param name="b">Launch values of the other.</param>
    /// <param name="prior">What figures measured beside them say of the noise; null when nothing is known.</param>
    public static LaunchDifference? Of(ReadOnlySpan<double> a, ReadOnlySpan<double> b, NoisePrior? prior = null)
    {
        if (a.Length < 2 || b.Length < 2 || Logs(a) is not { } logsA || Logs(b) is not { } logsB) return null;
        (double variance, int degrees) = Variance(logsA, logsB);
        if (prior is { } known) (variance, degrees) = known.Weigh(variance, degrees);
        double error = Math.Sqrt(variance * ((1.0 / a.Length) + (1.0 / b.Length)));
        return new LaunchDifference(Descriptive.Mean(logsB) - Descriptive.Mean(logsA), error, degrees);
    }

    /// <summary>Variance of the logarithms of launches around their means on each side, with its degrees of freedom; null where
    /// <see cref="Of"/> is.</summary>
    /// <param name="a">Launch values of the base.</param>
    /// <param name="b">Launch values of the other.</param>
    public static (double Variance, int Degrees)? NoiseOf(ReadOnlySpan<double> a, ReadOnlySpan<double> b) =>
        a.Length < 2 || b.Length < 2 || Logs(a) is not { } logsA || Logs(b) is not { } logsB ? null : Variance(logsA, logsB);

    /// <summary>The difference of two runs with the noise between runs in its error; the launches' own where they vary more than the
    /// history of the machine says.</summary>
    /// <param name="ratio">Ratio of the two runs' figures, as the history has them.</param>
    /// <param name="noise">How much the figure varies from run to run.</param>
    /// <param name="launches">The difference by launches; null when it isn't known.</param>
    public static LaunchDifference BetweenRuns(double ratio, RunNoise noise, LaunchDifference? launches)
    {
        var between = new LaunchDifference(Math.Log(ratio), noise.Deviation * Math.Sqrt(2), noise.Degrees);
        return launches is { } own && own.Error > NoisierThanHistory * between.Error ? own : between;
    }

    private static (double Variance, int Degrees) Variance(double[] a, double[] b)
    {
        int degrees = a.Length + b.Length - 2;
        return ((Squares(a) + Squares(b)) / degrees, degrees);
    }

    private static double[]? Logs(ReadOnlySpan<double> values)
    {
        double[] logs = new double[values.Length];
        for (int i = 0; i < logs.Length; i++)
        {
            if (!(values[i] > 0) || !double.IsFinite(values[i])) return null;
            logs[i] = Math.Log(values[i]);
        }

        return logs;
    }

    private static double Squares(double[] logs)
    {
        double mean = Descriptive.Mean(logs);
        return logs.Sum(v => (v - mean) * (v - mean));
    }
}
