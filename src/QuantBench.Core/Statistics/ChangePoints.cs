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
/// Change points of the mean: the partition into levels with the least sum of squares (found by dynamic programming), of the fewest levels
/// that more can't improve on. One, two or three further changes are held against the levels so far by an F test, with Bonferroni's
/// correction for all the places they could have been at; for one change that is Worsley's (1979) bound. That several are tried at once
/// is what keeps an outlier or a slow spell from hiding a step: each alone raises the noise that the other is held against. At last each
/// change is judged between its neighbours by Student's t, with the same correction.
/// </summary>
public static class ChangePoints
{
    /// <summary>Largest corrected p-value that counts as a change unless told otherwise.</summary>
    public const double DefaultAlpha = 0.01;

    /// <summary>Fewest values that a change can be looked for in: below, the noise can't be told from the change.</summary>
    public const int FewestValues = 5;

    // Levels shorter than this on average are noise, whatever their shape.
    private const int ValuesPerChange = 5;
    private const int MostChanges = 20;
    private const int MostAtOnce = 3;

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
        if (values.Length < FewestValues) return [];
        SortedSet<int> cuts = Cuts(values, errors, alpha);

        // Each cut is judged again between its neighbours: a cut that only served to try another isn't a change.
        while (true)
        {
            double noise = Noise(values, errors, cuts);
            var found = ImmutableArray.CreateBuilder<ChangePoint>(cuts.Count);
            foreach (int cut in cuts)
            {
                (int start, int end) = Around(cuts, cut, values.Length);
                found.Add(At(values, start, cut, end, noise, values.Length - cuts.Count - 1));
            }

            if (found.All(c => c.PValue <= alpha)) return found.ToImmutable();
            cuts.Remove(found.MaxBy(c => c.PValue).Index);
        }
    }

    // Variance around all levels together: a level of one value tells nothing of its own.
    private static double Noise(ReadOnlySpan<double> values, ReadOnlySpan<double> errors, SortedSet<int> cuts)
    {
        double squares = 0;
        int start = 0;
        foreach (int end in cuts.Append(values.Length))
        {
            ReadOnlySpan<double> level = values[start..end];
            squares += Squares(level, Descriptive.Mean(level));
            start = end;
        }

        return Math.Max(squares / Math.Max(1, values.Length - cuts.Count - 1), MeanSquare(errors));
    }

    private static double MeanSquare(ReadOnlySpan<double> errors)
    {
        double sum = 0;
        foreach (double error in errors) sum += error * error;
        return errors.IsEmpty ? 0 : sum / errors.Length;
    }

    private static SortedSet<int> Cuts(ReadOnlySpan<double> values, ReadOnlySpan<double> errors, double alpha)
    {
        double own = MeanSquare(errors);
        int most = Math.Clamp(values.Length / ValuesPerChange, 1, MostChanges);
        var levels = new LeastSquaresLevels(values);
        int changes = 0;
        for (int more = 1; more <= MostAtOnce && changes + more <= most; more++)
        {
            int degrees = values.Length - changes - more - 1;
            if (degrees < 1) break;
            double left = levels.Squares(changes + more);
            double gained = (levels.Squares(changes) - left) / more;
            double noise = Math.Max(left / degrees, own);
            if (!(gained > 0)) continue;
            double f = noise > 0 ? gained / noise : double.PositiveInfinity;
            // Half of the false alarms may come from single changes, the rest from two and three at once.
            double share = more == 1 ? 0.5 : 0.25;
            double single = double.IsPositiveInfinity(f) ? 0
                : SpecialFunctions.RegularizedBeta(degrees / (degrees + (more * f)), degrees / 2.0, more / 2.0);
            if (Math.Log(single) + LogChoose(values.Length - 1, more) > Math.Log(alpha * share)) continue;
            (changes, more) = (changes + more, 0);
        }

        return [.. levels.Cuts(changes)];
    }

    private static double LogChoose(int n, int k) =>
        SpecialFunctions.LogGamma(n + 1) - SpecialFunctions.LogGamma(k + 1) - SpecialFunctions.LogGamma(n - k + 1);

    private static (int Start, int End) Around(SortedSet<int> cuts, int cut, int length)
    {
        int start = cuts.Where(c => c < cut).DefaultIfEmpty(0).Max();
        int end = cuts.Where(c => c > cut).DefaultIfEmpty(length).Min();
        return (start, end);
    }

    private static ChangePoint At(ReadOnlySpan<double> values, int start, int cut, int end, double variance, int degrees)
    {
        double before = Descriptive.Mean(values[start..cut]);
        double after = Descriptive.Mean(values[cut..end]);
        double gap = after - before;
        if (degrees < 1) return new ChangePoint(cut, before, after, 1, new Interval(double.NegativeInfinity, double.PositiveInfinity));
        double scale = Math.Sqrt(variance * ((1.0 / (cut - start)) + (1.0 / (end - cut))));
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
