namespace QuantBench.Core.Statistics;

/// <summary>Corrections for looking at many comparisons at once.</summary>
public static class MultipleComparisons
{
    /// <summary>Benjamini–Hochberg adjusted p-values (1995): calling those below q different keeps the expected share of false calls below
    /// q.</summary>
    /// <param name="pValues">Each 0 to 1.</param>
    /// <returns>Adjusted values in the order given, each at least its p-value and at most 1.</returns>
    public static double[] BenjaminiHochberg(ReadOnlySpan<double> pValues)
    {
        double[] sorted = pValues.ToArray();
        int[] order = [.. Enumerable.Range(0, sorted.Length)];
        Array.Sort(sorted, order);
        double[] adjusted = new double[sorted.Length];
        double least = 1;
        for (int i = sorted.Length - 1; i >= 0; i--)
        {
            // n / rank never drops below 1, but p · n / rank can be rounded below p.
            least = Math.Min(least, Math.Max(sorted[i], sorted[i] * sorted.Length / (i + 1)));
            adjusted[order[i]] = least;
        }

        return adjusted;
    }

    /// <summary>
    /// Holm's adjusted p-values (1979): calling those below α different keeps the chance of any false call at all below α. For few
    /// comparisons of which each decides something, as gates do.
    /// </summary>
    /// <param name="pValues">Each 0 to 1.</param>
    /// <returns>Adjusted values in the order given, each at least its p-value and at most 1.</returns>
    public static double[] Holm(ReadOnlySpan<double> pValues)
    {
        double[] sorted = pValues.ToArray();
        int[] order = [.. Enumerable.Range(0, sorted.Length)];
        Array.Sort(sorted, order);
        double[] adjusted = new double[sorted.Length];
        double most = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            most = Math.Max(most, Math.Min(1, sorted[i] * (sorted.Length - i)));
            adjusted[order[i]] = most;
        }

        return adjusted;
    }
}
