using System.Collections.Immutable;
using System.Globalization;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>
/// Judges between two jobs whether what a machine measured now would mean anything: other programs that keep it busy, processors that were
/// throttled for heat, clocks that are slower than they usually are. A machine that isn't fit takes no jobs until two probes in a row find
/// nothing. Not thread-safe.
/// </summary>
/// <param name="read">Reads the conditions; shares count from the last time.</param>
/// <param name="speed">Times the yardstick: multiply-adds per second.</param>
/// <param name="journal">Keeps what is usual.</param>
public sealed class FitnessCheck(Func<ImmutableSortedDictionary<string, double>> read, Func<double> speed, AgentJournal journal)
{
    /// <summary>Share of all cores that others may keep busy.</summary>
    internal const double MostForeign = 0.25;

    /// <summary>Share of its usual speed that a machine must have.</summary>
    internal const double LeastSpeed = 0.8;

    private const string Name = "fitness"; // usual speeds, in the journal
    private const int Kept = 100;
    private const int Enough = 10; // speeds before anything is usual
    private const int InARow = 2; // a single reading may be a cron job's

    private ImmutableArray<double> _speeds = journal.Read<Usual>(Name)?.Speeds is { IsDefault: false } known ? known : [];
    private double? _throttled;
    private string? _unfit;
    private int _bad;
    private int _good;

    /// <summary>Looks once.</summary>
    /// <returns>Why the machine isn't fit; null while it is.</returns>
    public string? Look()
    {
        ImmutableSortedDictionary<string, double> now = read();
        double fast = speed();
        string? wrong = Throttled(now) ?? Foreign(now) ?? Slow(fast);
        if (wrong is null)
        {
            (_bad, _good) = (0, _good + 1);
            if (_unfit is null || _good >= InARow) _unfit = null;
            // What is slow for long would become usual if it were kept.
            if (_unfit is null) Keep(fast);
            return _unfit;
        }

        (_bad, _good) = (_bad + 1, 0);
        // Events are over when they are read; load and clocks may have been a moment's.
        if (_unfit is not null || _bad >= InARow || wrong.StartsWith("throttled", StringComparison.Ordinal)) _unfit = wrong;
        return _unfit;
    }

    /// <summary>Begins anew behind a job: what was busy since the last look was the job itself.</summary>
    public void Reset()
    {
        _bad = 0;
        ImmutableSortedDictionary<string, double> now = read();
        // Only the share is forgotten: a job that was throttled is what is looked for.
        if (Throttled(now) is { } why) (_unfit, _good) = (why, 0);
    }

    private string? Throttled(ImmutableSortedDictionary<string, double> now)
    {
        if (!now.TryGetValue("throttle_count", out double count)) return null;
        double? before = _throttled;
        _throttled = count;
        return count > before ? Invariant($"throttled for heat {count - before:0} times") : null;
    }

    private static string? Foreign(ImmutableSortedDictionary<string, double> now) =>
        now.TryGetValue("other_cpu_share", out double share) && share > MostForeign
            ? Invariant($"other programs keep {share:P0} of its processors busy") : null;

    private string? Slow(double now)
    {
        if (_speeds.Length < Enough || now <= 0) return null;
        double usual = _speeds.Order().ElementAt(_speeds.Length / 2);
        return now < LeastSpeed * usual ? Invariant($"it computes at {now / usual:P0} of its usual speed") : null;
    }

    private void Keep(double fast)
    {
        if (fast <= 0) return;
        _speeds = [.. _speeds.Append(fast).TakeLast(Kept)];
        journal.Write(Name, new Usual(_speeds));
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private sealed record Usual(ImmutableArray<double> Speeds);
}
