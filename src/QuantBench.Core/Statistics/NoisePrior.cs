namespace QuantBench.Core.Statistics;

/// <summary>
/// What figures measured side by side say of the noise between launches of each of them: variances are taken as drawn from one scaled
/// inverse χ² distribution, and each is drawn towards its centre, the more the less they differ (Smyth 2004, "Linear models and empirical
/// Bayes methods", section 6.2). Three launches a side know a variance to a factor of three; a dozen such figures know it to a fifth.
/// </summary>
/// <param name="Variance">The centre.</param>
/// <param name="Degrees">Degrees of freedom that it is worth.</param>
public readonly record struct NoisePrior(double Variance, double Degrees)
{
    /// <summary>Fewest figures that say something of each other.</summary>
    public const int Fewest = 5;

    // From so few figures the distribution isn't known well enough to be worth more.
    private const double MostDegrees = 16;

    /// <summary>Estimates it.</summary>
    /// <param name="figures">Variance of the logarithms of each figure's launches, with its degrees of freedom.</param>
    /// <returns>Null when fewer than <see cref="Fewest"/> vary at all.</returns>
    public static NoisePrior? Of(IEnumerable<(double Variance, int Degrees)> figures)
    {
        ArgumentNullException.ThrowIfNull(figures);
        (double Log, double Half)[] known =
        [
            .. figures.Where(f => f is { Variance: > 0, Degrees: > 0 } && double.IsFinite(f.Variance))
                .Select(f => (Math.Log(f.Variance), f.Degrees / 2.0)),
        ];
        if (known.Length < Fewest) return null;
        double[] logs = [.. known.Select(f => f.Log - SpecialFunctions.Digamma(f.Half) + Math.Log(f.Half))];
        double mean = Descriptive.Mean(logs);
        double spread = (logs.Sum(v => (v - mean) * (v - mean)) / (logs.Length - 1))
            - known.Average(f => SpecialFunctions.Trigamma(f.Half));
        double half = Math.Min(MostDegrees / 2, HalfDegrees(spread));
        return new NoisePrior(Math.Exp(mean + SpecialFunctions.Digamma(half) - Math.Log(half)), 2 * half);
    }

    /// <summary>A figure's variance in the light of the others'.</summary>
    /// <param name="variance">Its own.</param>
    /// <param name="degrees">Degrees of freedom of its own.</param>
    /// <returns>The variance, and its degrees of freedom.</returns>
    public (double Variance, int Degrees) Weigh(double variance, int degrees) =>
        (((Degrees * Variance) + (degrees * variance)) / (Degrees + degrees), degrees + (int)Degrees);

    // Where trigamma is the spread; it falls from infinity to 0.
    private static double HalfDegrees(double spread)
    {
        double low = 1e-3, high = MostDegrees;
        if (spread <= SpecialFunctions.Trigamma(high)) return high;
        for (int i = 0; i < 60; i++)
        {
            double middle = Math.Sqrt(low * high);
            if (SpecialFunctions.Trigamma(middle) > spread) low = middle;
            else high = middle;
        }

        return high;
    }
}
