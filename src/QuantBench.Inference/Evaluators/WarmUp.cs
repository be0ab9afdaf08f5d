using QuantBench.Core.Statistics;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// When warm-up may end. Rule: at least three repetitions; the last three durations lie within 5 % of their median, and they don't still
/// fall: each shorter than the one before by more than 2 % in all.
/// </summary>
internal static class WarmUp
{
    private const int Window = 3;
    private const double Spread = 0.05;
    private const double Improvement = 0.02;

    /// <summary>Whether the durations so far end in a steady state.</summary>
    /// <param name="durations">Durations in the order taken, any unit, none negative.</param>
    public static bool IsSteady(ReadOnlySpan<double> durations)
    {
        if (durations.Length < Window) return false;
        ReadOnlySpan<double> last = durations[^Window..];
        double median = Descriptive.Median(last);
        foreach (double duration in last)
        {
            if (Math.Abs(duration - median) > Spread * median) return false;
        }

        bool falling = last[0] > last[1] && last[1] > last[2];
        return !falling || last[0] - last[2] <= Improvement * last[0];
    }
}
