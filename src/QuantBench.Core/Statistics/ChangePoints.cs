using System.Collections.Immutable;

namespace QuantBench.Core.Statistics;

/// <summary>A place in a series where its level changes.</summary>
/// <param name="Index">0-based index of the first value on the new level.</param>
/// <param name="Before">Mean of the segment before.</param>
/// <param name="After">Mean of the segment after.</param>
/// <param name="PValue">Chance of so large a jump somewhere in the series when its level never changes; corrected for all places it could
/// have been.</param>
/// <param name="Interval">95 % interval of After − Before.</param>
public readonly record struct ChangePoint(int Index, double Before, double After, double PValue, Interval Interval);

/// <summary>
/// Change points of the mean by binary segmentation (Scott and Knott 1974). Each step takes the split of the largest two-sample t statistic
/// and keeps it when Worsley's (1979) Bonferroni bound on the statistic's distribution says so: p ≤ (number of places) · P(|t| ≥ T), n − 2
/// degrees of freedom. The noise is estimated from the series itself, so a series that jumps about raises its own threshold.
/// </summary>
public static class ChangePoints
{
    /// <summary>Largest corrected p-value that counts as a change unless told otherwise.</summary>
    public const double DefaultAlpha = 0.01;

    /// <summary>Fewest values that a change can be looked for in: below, the noise can't be told from the change.</summary>
    public const int FewestValues = 5;

    /// <summary>Finds all changes of level.</summary>
    /// <param name="values">The series in order of time, all finite.</param>
    /// <param name="alpha">Largest corrected p-value that counts.</param>
    /// <param name="errors">Standard error of each value, or empty; the noise is never taken to be smaller than these say.</param>
    /// <returns>In order of time; empty when no change is shown.</returns>
    public static ImmutableArray<ChangePoint> Find(ReadOnlySpan<double> values, double alpha = DefaultAlpha,
        ReadOnlySpan<double> errors = default)
    {
        if (!errors.IsEmpty && errors.Length != values.Length)
            throw new ArgumentException("there must be one error per value", nameof(errors));
        var cuts = new SortedSet<int>();
        Split(values, errors, 0, values.Length, alpha, cuts);

        // Each cut is judged again between its neighbours: the first cuts were found in segments that later ones divided.
        bool dropped = true;
        while (dropped)
        {
            dropped = false;
            foreach (int cut in cuts.ToArray())
            {
                (int start, int end) = Around(cuts, cut, values.Length);
                if (At(values, errors, start, cut, end).PValue <= alpha) continue;
                cuts.Remove(cut);
                dropped = true;
                break;
            }
        }

        var found = ImmutableArray.CreateBuilder<ChangePoint>(cuts.Count);
        foreach (int cut in cuts)
        {
            (int start, int end) = Around(cuts, cut, values.Length);
            found.Add(At(values, errors, start, cut, end));
        }

        return found.ToImmutable();
    }

    private static (int Start, int End) Around(SortedSet<int> cuts, int cut, int length)
    {
        int start = cuts.Where(c => c < cut).DefaultIfEmpty(0).Max();
        int end = cuts.Where(c => c > cut).DefaultIfEmpty(length).Min();
        return (start, end);
    }

    private static void Split(ReadOnlySpan<double> values, ReadOnlySpan<double> errors, int start, int end, double alpha,
        SortedSet<int> cuts)
    {
        if (end - start < FewestValues) return;
        int best = -1;
        double largest = -1;
        double sum = 0;
        double total = Descriptive.Mean(values[start..end]) * (end - start);
        for (int cut = start + 1; cut < end; cut++)
        {
            // The between-segment sum of squares rises and falls with the t statistic, and needs no pass over the segments.
            sum += values[cut - 1];
            double left = cut - start;
            double right = end - cut;
            double gap = (sum / left) - ((total - sum) / right);
            double between = left * right / (left + right) * gap * gap;
            if (between > largest) (largest, best) = (between, cut);
        }

        if (At(values, errors, start, best, end).PValue > alpha) return;
        cuts.Add(best);
        Split(values, errors, start, best, alpha, cuts);
        Split(values, errors, best, end, alpha, cuts);
    }

    private static ChangePoint At(ReadOnlySpan<double> values, ReadOnlySpan<double> errors, int start, int cut, int end)
    {
        ReadOnlySpan<double> left = values[start..cut];
        ReadOnlySpan<double> right = values[cut..end];
        double before = Descriptive.Mean(left);
        double after = Descriptive.Mean(right);
        int degrees = end - start - 2;
        double gap = after - before;
        if (degrees < 1) return new ChangePoint(cut, before, after, 1, new Interval(double.NegativeInfinity, double.PositiveInfinity));
        double variance = (Squares(left, before) + Squares(right, after)) / degrees;
        if (!errors.IsEmpty)
        {
            double own = 0;
            foreach (double error in errors[start..end]) own += error * error;
            variance = Math.Max(variance, own / (end - start));
        }

        double scale = Math.Sqrt(variance * ((1.0 / left.Length) + (1.0 / right.Length)));
        double half = SpecialFunctions.StudentQuantile(0.95, degrees) * scale;
        double single = gap == 0 ? 1 : scale == 0 ? 0 : SpecialFunctions.StudentTwoSided(Math.Abs(gap) / scale, degrees);
        return new ChangePoint(cut, before, after, Math.Min(1, single * (end - start - 1)), new Interval(gap - half, gap + half));
    }

    private static double Squares(ReadOnlySpan<double> values, double mean)
    {
        double sum = 0;
        foreach (double value in values) sum += (value - mean) * (value - mean);
        return sum;
    }
}
