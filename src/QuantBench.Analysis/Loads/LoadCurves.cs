using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Loads;

/// <summary>
/// Latency against load of servers: each variant's knee, where its power is highest, and the front over all of them, beyond which nobody
/// answers more requests with less waiting.
/// </summary>
public sealed class LoadCurves
{
    private LoadCurves(ImmutableArray<LoadPoint> points) => Points = points;

    /// <summary>All points, by rate.</summary>
    public ImmutableArray<LoadPoint> Points { get; }

    /// <summary>The curves of cells.</summary>
    /// <param name="cells">Cells of one model and backend.</param>
    public static LoadCurves Of(IEnumerable<CellResult> cells) =>
        new([.. cells.SelectMany(LoadPoint.Of).OrderBy(p => p.Rate.Value)]);

    /// <summary>A variant's knee; null with fewer than three loads, or where the highest power is at an end: the knee then lies beyond what
    /// was measured.</summary>
    /// <param name="variant">The variant's id.</param>
    public LoadPoint? Knee(string variant)
    {
        LoadPoint[] curve = Curve(variant);
        if (curve.Length < 3) return null;
        LoadPoint best = curve.MaxBy(p => p.Power)!; // three at least
        return best == curve[0] || best == curve[^1] ? null : best;
    }

    /// <summary>Other loads whose power isn't told from the knee's: it may as well be there.</summary>
    /// <param name="variant">The variant's id.</param>
    public ImmutableArray<LoadPoint> NearKnee(string variant) => Knee(variant) is not { PowerInterval: { } best } knee ? []
        : [.. Curve(variant).Where(p => p != knee && p.PowerInterval is { } other && other.High >= best.Low)];

    /// <summary>Where a point is as to the front.</summary>
    /// <param name="point">One of <see cref="Points"/>.</param>
    public FrontPlace Place(LoadPoint point)
    {
        ArgumentNullException.ThrowIfNull(point);
        LoadPoint[] ahead =
        [
            .. Points.Where(p => p.Rate.Value >= point.Rate.Value && p.Latency.Value <= point.Latency.Value
                && (p.Rate.Value > point.Rate.Value || p.Latency.Value < point.Latency.Value)),
        ];
        return ahead.Length == 0 ? FrontPlace.On : ahead.Any(p => IsSurelyAhead(p, point)) ? FrontPlace.Behind : FrontPlace.NotToldFrom;
    }

    private LoadPoint[] Curve(string variant) => [.. Points.Where(p => p.Variant.Id == variant)];

    // One of the two is surely better; the other isn't worse. Under equal loads that a server can take, rates are the same.
    private static bool IsSurelyAhead(LoadPoint one, LoadPoint other) =>
        Low(one.Rate) > High(other.Rate) || High(one.Latency) < Low(other.Latency);

    private static double Low(Measurement m) => m.Ci95 is [double low, _] ? low : m.Value;

    private static double High(Measurement m) => m.Ci95 is [_, double high] ? high : m.Value;
}
