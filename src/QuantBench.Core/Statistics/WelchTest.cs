namespace QuantBench.Core.Statistics;

/// <summary>What is stored of one sample: enough to compare means without the observations.</summary>
/// <param name="Mean">Arithmetic mean.</param>
/// <param name="StandardDeviation">Sample standard deviation (n − 1).</param>
/// <param name="N">Number of observations.</param>
public readonly record struct SampleSummary(double Mean, double StandardDeviation, long N);

/// <summary>Outcome of a comparison of two means.</summary>
/// <param name="Difference">mean(a) − mean(b).</param>
/// <param name="Error">Standard error of <see cref="Difference"/>.</param>
/// <param name="Degrees">Degrees of freedom after Welch and Satterthwaite.</param>
/// <param name="PValue">Two-sided p-value.</param>
/// <param name="Interval">95 % interval of <see cref="Difference"/>.</param>
public readonly record struct MeanComparison(double Difference, double Error, double Degrees, double PValue, Interval Interval);

/// <summary>Welch's test of two means with unlike variances (Welch 1947), from summaries.</summary>
public static class WelchTest
{
    /// <summary>Compares two means.</summary>
    /// <param name="a">Summary of at least two observations.</param>
    /// <param name="b">Summary of at least two observations.</param>
    public static MeanComparison Compare(SampleSummary a, SampleSummary b)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(a.N, 2, nameof(a));
        ArgumentOutOfRangeException.ThrowIfLessThan(b.N, 2, nameof(b));
        double varianceA = a.StandardDeviation * a.StandardDeviation / a.N;
        double varianceB = b.StandardDeviation * b.StandardDeviation / b.N;
        double difference = a.Mean - b.Mean;
        double error = Math.Sqrt(varianceA + varianceB);
        if (error == 0)
            return new MeanComparison(difference, 0, a.N + b.N - 2, difference == 0 ? 1 : 0, new Interval(difference, difference));
        double degrees = (varianceA + varianceB) * (varianceA + varianceB)
            / ((varianceA * varianceA / (a.N - 1)) + (varianceB * varianceB / (b.N - 1)));
        double half = SpecialFunctions.StudentQuantile(0.95, degrees) * error;
        return new MeanComparison(
            difference, error, degrees, SpecialFunctions.StudentTwoSided(Math.Abs(difference) / error, degrees),
            new Interval(difference - half, difference + half));
    }

    /// <summary>Compares two means as a ratio, on the scale of logarithms by the delta method: the figures are relative, as percentages
    /// are.</summary>
    /// <param name="a">Summary of at least two positive observations.</param>
    /// <param name="b">Summary of at least two positive observations.</param>
    /// <returns>ln(mean(a) / mean(b)) with its error, p-value and interval.</returns>
    public static MeanComparison CompareLogs(SampleSummary a, SampleSummary b)
    {
        if (!(a.Mean > 0)) throw new ArgumentOutOfRangeException(nameof(a), a.Mean, "a ratio needs positive means");
        if (!(b.Mean > 0)) throw new ArgumentOutOfRangeException(nameof(b), b.Mean, "a ratio needs positive means");
        return Compare(
            new SampleSummary(Math.Log(a.Mean), a.StandardDeviation / a.Mean, a.N),
            new SampleSummary(Math.Log(b.Mean), b.StandardDeviation / b.Mean, b.N));
    }
}
