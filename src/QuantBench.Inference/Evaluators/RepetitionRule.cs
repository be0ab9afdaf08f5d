using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// When measuring ends: after at least <c>repetitions</c>, as soon as every series' 95 % bootstrap interval of the median is within
/// ±<c>target_ci</c>; at the latest when <c>time_cap</c> seconds have passed or <c>max_repetitions</c> were done. At least one repetition
/// is always made.
/// </summary>
internal sealed class RepetitionRule
{
    private readonly long _least;
    private readonly long _most;
    private readonly double _target;
    private readonly double _capSeconds;
    private readonly TimeProvider _clock;
    private readonly long _start;
    private long _nextCheck;

    /// <summary>Starts the cap's clock.</summary>
    public RepetitionRule(CellSettings settings, TimeProvider clock)
    {
        _least = settings.Int("repetitions");
        _most = Math.Max(_least, settings.Int("max_repetitions"));
        _target = settings.Number("target_ci");
        _capSeconds = settings.Number("time_cap");
        _clock = clock;
        _start = clock.GetTimestamp();
    }

    /// <summary>Whether another repetition is wanted.</summary>
    /// <param name="series">Series of equal length that must be tight.</param>
    public bool WantsMore(params ReadOnlySpan<List<double>> series)
    {
        int done = series[0].Count;
        if (done == 0) return true;
        if (done >= _most || _clock.GetElapsedTime(_start).TotalSeconds >= _capSeconds) return false;
        if (done < _least) return true;

        // A bootstrap costs milliseconds, so it isn't done after every one of many repetitions.
        if (done < _nextCheck) return true;
        _nextCheck = done + Math.Max(1, done / 10);
        foreach (List<double> samples in series)
        {
            if (HalfWidth(samples) > _target) return true;
        }

        return false;
    }

    /// <summary>Marks of a finished series: too few repetitions, or an interval wider than wanted.</summary>
    public IEnumerable<string> Marks(List<double> samples)
    {
        if (samples.Count < _least) yield return $"{samples.Count} of {_least} repetitions within {_capSeconds:0.#} s";
        double half = HalfWidth(samples);
        if (samples.Count > 1 && half > _target) yield return $"interval ±{half * 100:0.0} % wider than target ±{_target * 100:0.##} %";
    }

    private static double HalfWidth(List<double> samples)
    {
        double[] values = [.. samples];
        return Bootstrap.Median(values).HalfWidth / Descriptive.Median(values);
    }
}
