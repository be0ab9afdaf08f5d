using System.Collections.Immutable;

namespace QuantBench.Core.Statistics;

/// <summary>How much a figure varies from run to run while nothing changes.</summary>
/// <param name="Deviation">Standard deviation of its logarithm between runs.</param>
/// <param name="Degrees">Degrees of freedom behind it.</param>
/// <param name="Runs">Runs it comes from.</param>
public readonly record struct RunNoise(double Deviation, int Degrees, int Runs)
{
    /// <summary>Fewest degrees of freedom that are worth more than the launches of two runs.</summary>
    public const int FewestDegrees = 4;

    private const int ShortestLevel = 2;

    private const int FewestToBound = 8;
    private const double MostDeviations = 4;
    private const double NormalPerMedian = 1.4826; // standard deviation of a normal variable over its median deviation

    // Runs that agree to the last digit say that little was looked at, not that nothing varies.
    private const double LeastDeviation = 0.0005;

    /// <summary>The smallest relative difference that a comparison finds in four cases of five.</summary>
    /// <param name="runs">Runs on each side.</param>
    public double SmallestDifference(int runs = 1)
    {
        double error = Deviation * Math.Sqrt(2.0 / runs);
        // 95 % two-sided, and the 80th percentile, which is the upper end of a 60 % interval.
        return Math.Exp((SpecialFunctions.StudentQuantile(0.95, Degrees) + SpecialFunctions.StudentQuantile(0.6, Degrees)) * error) - 1;
    }

    /// <summary>Noise of a series of runs around its levels: a change of level isn't noise.</summary>
    /// <param name="values">Figures of runs of one cell on one machine, oldest first.</param>
    /// <returns>Null when they are too few, or not all positive.</returns>
    public static RunNoise? Of(ReadOnlySpan<double> values)
    {
        if (values.Length <= FewestDegrees) return null;
        double[] logs = new double[values.Length];
        for (int i = 0; i < logs.Length; i++)
        {
            if (!(values[i] > 0) || !double.IsFinite(values[i])) return null;
            logs[i] = Math.Log(values[i]);
        }

        int[] changes = [.. Lasting(ChangePoints.Find(logs))];
        int degrees = logs.Length - changes.Length - 1;
        if (degrees < FewestDegrees) return null;
        var off = new List<double>(logs.Length);
        int start = 0;
        foreach (int end in changes.Append(logs.Length))
        {
            double[] level = logs[start..end];
            double mean = Descriptive.Mean(level);
            off.AddRange(level.Select(v => v - mean));
            start = end;
        }

        double furthest = Furthest([.. off]);
        double squares = off.Sum(v => Math.Min(v * v, furthest * furthest));
        return new RunNoise(Math.Max(LeastDeviation, Math.Sqrt(squares / degrees)), degrees, logs.Length);
    }

    // One run on a machine that was somewhere else says nothing of the others, yet its square would be most of the sum.
    private static double Furthest(double[] off) =>
        off.Length < FewestToBound ? double.PositiveInfinity
            : MostDeviations * Math.Max(LeastDeviation, Descriptive.Median([.. off.Select(Math.Abs)]) * NormalPerMedian);

    // A single slow run is noise that the next one may have as well; the last one may be on a new level.
    private static IEnumerable<int> Lasting(ImmutableArray<ChangePoint> changes)
    {
        int last = 0;
        foreach (ChangePoint change in changes)
        {
            if (change.Index - last < ShortestLevel) continue;
            yield return last = change.Index;
        }
    }
}
