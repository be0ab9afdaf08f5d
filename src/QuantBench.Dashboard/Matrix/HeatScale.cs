using QuantBench.Core.Metrics;

namespace QuantBench.Dashboard.Matrix;

/// <summary>
/// Spaces nine tones over figures: from the 5th to the 95th percentile, ends clamped; by ratios where the figures span more than a factor
/// of ten. The strongest tone is the best figure, whatever the metric's direction.
/// </summary>
public sealed class HeatScale
{
    /// <summary>Number of tones.</summary>
    public const int Steps = 9;

    private readonly double _low;
    private readonly double _high;
    private readonly bool _lowerIsBetter;

    /// <summary>Makes a scale.</summary>
    /// <param name="values">The figures; those that aren't finite are left out.</param>
    /// <param name="direction">Which way is better.</param>
    public HeatScale(IEnumerable<double> values, Direction direction)
    {
        double[] sorted = [.. values.Where(double.IsFinite).Order()];
        _lowerIsBetter = direction == Direction.Lower;
        if (sorted.Length == 0) return;
        (Smallest, Largest, Count) = (sorted[0], sorted[^1], sorted.Length);
        IsLog = sorted[0] > 0 && sorted[^1] / sorted[0] > 10;
        double[] placed = [.. sorted.Select(Place)];
        _low = Quantile(placed, 0.05);
        _high = Quantile(placed, 0.95);
    }

    /// <summary>Number of figures.</summary>
    public int Count { get; }

    /// <summary>The smallest figure.</summary>
    public double Smallest { get; }

    /// <summary>The largest figure.</summary>
    public double Largest { get; }

    /// <summary>Whether tones are spaced by ratios.</summary>
    public bool IsLog { get; }

    /// <summary>The worst figure.</summary>
    public double Weakest => _lowerIsBetter ? Largest : Smallest;

    /// <summary>The best figure.</summary>
    public double Strongest => _lowerIsBetter ? Smallest : Largest;

    /// <summary>Tone of a figure, 0 to 8; the middle one when all figures are equal.</summary>
    public int Step(double value)
    {
        if (!double.IsFinite(value) || _high <= _low) return Steps / 2;
        double share = Math.Clamp((Place(value) - _low) / (_high - _low), 0, 1);
        return Math.Min(Steps - 1, (int)((_lowerIsBetter ? 1 - share : share) * Steps));
    }

    private double Place(double value) => IsLog ? Math.Log(value) : value;

    private static double Quantile(double[] sorted, double q)
    {
        double at = q * (sorted.Length - 1);
        int below = (int)at;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((at - below) * (sorted[above] - sorted[below]));
    }
}
