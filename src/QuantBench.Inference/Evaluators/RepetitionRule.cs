using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// When measuring ends: after at least <c>repetitions</c>, as soon as every series' 95 % bootstrap interval of the median is within
/// ±<c>target_ci</c>; at the latest when <c>time_cap</c> seconds have passed or <c>max_repetitions</c> were done. Only repetitions that
/// nothing disturbed count; while those are fewer than wanted, it goes on for up to twice as long. One of several launches makes
/// its share of all that: its interval may be wider by the root of their number, since theirs together is narrower by as much. At least
/// one repetition is always made.
/// </summary>
internal sealed class RepetitionRule
{
    /// <summary>How much longer it may take to find enough undisturbed repetitions.</summary>
    public const int Extension = 2;

    private readonly long _least;
    private readonly long _most;
    private readonly double _target;
    private readonly double _capSeconds;
    private readonly double _narrower;
    private readonly InterferenceLog _log;
    private readonly TimeProvider _clock;
    private readonly long _start;
    private long _nextCheck;

    /// <summary>Starts the cap's clock.</summary>
    /// <param name="context">The cell.</param>
    /// <param name="log">Knows which repetitions were disturbed.</param>
    public RepetitionRule(EvaluationContext context, InterferenceLog log)
    {
        CellSettings settings = context.Cell.Settings;
        long all = settings.Int("repetitions");
        _least = Share(all, context.Launches);
        _most = Share(Math.Max(all, settings.Int("max_repetitions")), context.Launches);
        _target = settings.Number("target_ci");
        _narrower = Math.Sqrt(context.Launches);
        _capSeconds = settings.Number("time_cap") / context.Launches;
        (_log, _clock) = (log, context.Clock);
        _start = _clock.GetTimestamp();
    }

    /// <summary>Whether another repetition is wanted.</summary>
    /// <param name="series">Series of one value per repetition that must be tight.</param>
    public bool WantsMore(params ReadOnlySpan<List<double>> series)
    {
        int made = series[0].Count;
        if (made == 0) return true;
        int disturbed = _log.DisturbedCount;
        int clean = made - disturbed;
        int longer = disturbed > 0 && clean < _least ? Extension : 1;
        if (clean >= _most || made >= _most * longer || _clock.GetElapsedTime(_start).TotalSeconds >= _capSeconds * longer) return false;
        if (clean < _least) return true;

        // A bootstrap costs milliseconds, so it isn't done after every one of many repetitions.
        if (clean < _nextCheck) return true;
        _nextCheck = clean + Math.Max(1, clean / 10);
        foreach (List<double> samples in series)
        {
            if (HalfWidth(disturbed > 0 ? _log.Clean(samples) : samples) > _target) return true;
        }

        return false;
    }

    /// <summary>Marks of a finished series: too few repetitions.</summary>
    public string[] Marks(List<double> samples)
    {
        int clean = _log.Clean(samples).Count;
        return clean < _least ? [$"{clean} of {_least} repetitions within {_capSeconds:0.#} s"] : [];
    }

    /// <summary>The figure of a finished series, marked where its interval is wider than wanted.</summary>
    public Measurement Weighed(Measurement figure) =>
        IntervalMark.Of(figure, _target) is { } mark ? figure with { Notes = [.. figure.Notes ?? [], mark] } : figure;

    private static long Share(long all, int launches) => (all + launches - 1) / launches;

    private double HalfWidth(List<double> samples)
    {
        double[] values = [.. samples];
        return Bootstrap.Median(values).HalfWidth / Descriptive.Median(values) / _narrower;
    }
}
