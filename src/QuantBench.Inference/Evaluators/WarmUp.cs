using QuantBench.Core.Statistics;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// When warm-up may end. Rule: at least three repetitions; the last three durations lie within 5 % of their median, and they don't still
/// fall: each shorter than the one before by more than 2 % in all. Two that agree within 2 % are enough when the warm-up has taken
/// <see cref="LongEnough"/>, by when clocks have risen.
/// </summary>
internal static class WarmUp
{
    private const int Window = 3;
    private const double Spread = 0.05;
    private const double Improvement = 0.02;
    private const double Agreement = 0.02;

    /// <summary>Milliseconds after which two repetitions may be enough.</summary>
    public const double LongEnough = 100;

    /// <summary>Whether repetitions so far end in a steady state.</summary>
    /// <param name="milliseconds">Their durations in the order taken, none negative.</param>
    public static bool IsWarm(ReadOnlySpan<double> milliseconds)
    {
        if (IsSteady(milliseconds)) return true;
        if (milliseconds.Length < 2) return false;
        double sum = 0;
        foreach (double duration in milliseconds) sum += duration;
        (double before, double last) = (milliseconds[^2], milliseconds[^1]);
        return sum >= LongEnough && Math.Abs(before - last) <= Agreement * Math.Max(before, last);
    }

    /// <summary>Whether the first of the measured durations shows that warming up wasn't over.</summary>
    /// <param name="measured">Durations in the order taken, any unit.</param>
    public static bool WasCold(ReadOnlySpan<double> measured) =>
        measured.Length < 2 || measured[0] > (1 + Spread) * Descriptive.Median(measured[1..]);

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
