using QuantBench.Analysis.Compare;

namespace QuantBench.Dashboard.Queries;

/// <summary>The one range of all interval bars of a table.</summary>
public static class ComparisonRange
{
    private static readonly double[] s_ranges = [0.02, 0.05, 0.1, 0.2, 0.5, 1];

    /// <summary>The smallest usual range that holds nine of ten intervals; what lies beyond ends at the bar's end.</summary>
    public static double Of(IEnumerable<MetricComparison> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        double[] ends = [
            .. rows.Where(r => !r.Absolute)
                .Select(r => r.Interval is { } i ? Math.Max(Math.Abs(i.Low), Math.Abs(i.High)) : Math.Abs(r.Difference ?? 0))
                .Where(double.IsFinite).Order()];
        if (ends.Length == 0) return 0.1;
        double reach = ends[(int)((ends.Length - 1) * 0.9)];
        return s_ranges.FirstOrDefault(r => r >= reach, 1);
    }
}
