using System.Globalization;
using QuantBench.Core.Metrics;

namespace QuantBench.Core.Statistics;

/// <summary>The mark on a timing whose interval is wider than was asked for. It is made of the interval that stands beside the figure, so
/// that the two can't contradict each other.</summary>
public static class IntervalMark
{
    private const string End = "wider than target ±";

    /// <summary>The mark; null where the figure has no interval, or one within the target.</summary>
    /// <param name="figure">The figure.</param>
    /// <param name="target">Wanted half-width, relative to the figure.</param>
    public static string? Of(Measurement figure, double target)
    {
        ArgumentNullException.ThrowIfNull(figure);
        if (figure is not { Value: > 0, Ci95: [double low, double high] } || (high - low) / 2 <= target * figure.Value) return null;
        string wanted = (target * 100).ToString("0.##", CultureInfo.InvariantCulture);
        return $"interval {Percent(low)} to {Percent(high)} % of the figure, {End}{wanted} %";

        string Percent(double end) =>
            (end < figure.Value ? "−" : "+") + Math.Abs(((end / figure.Value) - 1) * 100).ToString("0.0", CultureInfo.InvariantCulture);
    }

    /// <summary>Whether a note is such a mark, or that of a cell about one.</summary>
    /// <param name="note">The note.</param>
    public static bool Is(string note)
    {
        ArgumentNullException.ThrowIfNull(note);
        return note.Contains(End, StringComparison.Ordinal);
    }
}
