using QuantBench.Core.Machine;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Which repetitions of a timed loop something else disturbed. A repetition is, when in its time threads of this process waited for a
/// core longer than <see cref="MostWaited"/> of it, pages came from a disk, the hypervisor took more than <see cref="MostStolen"/>, heat
/// slowed cores down, or other processes kept more than <see cref="MostOther"/> of all cores busy. Several short repetitions share a
/// reading.
/// </summary>
internal sealed class InterferenceLog
{
    /// <summary>Most time waited for a core over a repetition's time; nearly all of it can be in that. Idle machines show 0.02.</summary>
    public const double MostWaited = 0.1;

    /// <summary>Most of all cores that other processes may keep busy.</summary>
    public const double MostOther = 0.25;

    /// <summary>Most of all cores that the hypervisor may take.</summary>
    public const double MostStolen = 0.1;

    // Time between two readings over the time that one takes, at least.
    private const double LeastPause = 1500;

    // A page from a fast disk takes about this long.
    private const double SecondsPerFault = 1e-4;

    // A reading costs a microsecond or two per thread. Where there are so many that this pace would cost a thousandth of the time, readings
    // are fewer.
    private static readonly TimeSpan s_readEvery = TimeSpan.FromMilliseconds(50);

    // The kernel counts the cores' time in ticks of some 10 ms: of a short span, shares are mostly rounding. The program that started this
    // one is among the others, too.
    private static readonly TimeSpan s_lastCores = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_coresEvery = TimeSpan.FromMilliseconds(500);

    private readonly EvaluationContext _context;
    private readonly bool _waitCounts;
    private readonly bool _faultsCount;
    private readonly List<bool> _disturbed = [];
    private int _read;
    private int _coresRead;
    private long _readAt;
    private TimeSpan _cheapest;
    private bool _known;
    private double _seconds;
    private double _waited;
    private long _switches;
    private long _faults;
    private double _other;
    private double _stolen;
    private long? _throttled;
    private (double Least, double Most)? _megahertz;
    private double? _cpuPressure;
    private double? _memoryPressure;
    private double? _ioPressure;

    /// <summary>Starts; call right before the first repetition.</summary>
    /// <param name="context">The cell.</param>
    /// <param name="threads">Threads that compute: more than there are cores wait for each other, which is no interference.</param>
    /// <param name="faultsCount">Whether pages from a disk disturb.</param>
    public InterferenceLog(EvaluationContext context, int threads, bool faultsCount = true)
    {
        (_context, _faultsCount) = (context, faultsCount);
        _waitCounts = threads <= context.Machine.UsableCores;
        _ = context.Machine.NextInterference();
        _ = context.Machine.NextCores(TimeSpan.Zero);
        _readAt = context.Clock.GetTimestamp();
    }

    /// <summary>Repetitions so far.</summary>
    public int Count => _disturbed.Count;

    /// <summary>Repetitions known to be disturbed.</summary>
    public int DisturbedCount => _disturbed.Count(d => d);

    /// <summary>Counts a repetition that has just ended.</summary>
    /// <returns>Whether it is known to be disturbed; a later reading may still find that.</returns>
    public bool Add()
    {
        _disturbed.Add(false);
        TimeSpan passed = _context.Clock.GetElapsedTime(_readAt);
        if (passed >= s_readEvery && passed / LeastPause >= _cheapest) Read(s_coresEvery);
        return _disturbed[^1];
    }

    /// <summary>Reads what the last repetitions had; call once after them.</summary>
    public void End()
    {
        if (_read < _disturbed.Count) Read(s_lastCores);
    }

    /// <summary>Indexes of the disturbed repetitions.</summary>
    public int[] Disturbed() => [.. Enumerable.Range(0, _disturbed.Count).Where(i => _disturbed[i])];

    /// <summary>What a series has of repetitions that weren't disturbed.</summary>
    /// <param name="series">One value per repetition.</param>
    public List<double> Clean(List<double> series) => [.. series.Where((_, i) => !_disturbed[i])];

    /// <summary>Whether a repetition was disturbed.</summary>
    public bool IsDisturbed(int repetition) => _disturbed[repetition];

    /// <summary>Adds what several loops of a cell met to its result.</summary>
    public static EvaluationResult AddTo(EvaluationResult result, params ReadOnlySpan<InterferenceLog> logs)
    {
        var conditions = result.Conditions.ToBuilder();
        string known = "measured";
        double seconds = 0;
        double waited = 0;
        foreach (InterferenceLog log in logs)
        {
            if (!log._known) known = "not known here";
            Sum("repetitions_made", log.Count);
            Sum("repetitions_disturbed", log.DisturbedCount);
            if (!log._known) continue;
            (seconds, waited) = (seconds + log._seconds, waited + log._waited);
            Sum("involuntary_switches", log._switches);
            Sum("major_faults", log._faults);
            conditions["other_share_max"] = Math.Max(conditions.GetValueOrDefault("other_share_max"), log._other);
            conditions["steal_share_max"] = Math.Max(conditions.GetValueOrDefault("steal_share_max"), log._stolen);
            if (log._throttled is { } throttled) Sum("throttle_events", throttled);
            if (log._megahertz is { } clock)
            {
                conditions["freq_mhz_fastest_min"] =
                    Math.Min(conditions.GetValueOrDefault("freq_mhz_fastest_min", clock.Least), clock.Least);
                Most("freq_mhz_fastest_max", clock.Most);
            }

            Most("pressure_cpu_max", log._cpuPressure);
            Most("pressure_memory_max", log._memoryPressure);
            Most("pressure_io_max", log._ioPressure);
        }

        if (seconds > 0) conditions["waited_share"] = waited / seconds;
        return result with
        {
            Conditions = conditions.ToImmutable(),
            Provenance = result.Provenance.SetItem("interference", known),
        };

        void Sum(string key, double value) => conditions[key] = conditions.GetValueOrDefault(key) + value;

        void Most(string key, double? value)
        {
            if (value is { } known) conditions[key] = Math.Max(conditions.GetValueOrDefault(key), known);
        }
    }

    private void Read(TimeSpan leastCores)
    {
        long start = _context.Clock.GetTimestamp();
        Interference? found = _context.Machine.NextInterference();
        TimeSpan cost = _context.Clock.GetElapsedTime(start);
        if (_cheapest == TimeSpan.Zero || cost < _cheapest) _cheapest = cost; // the others lost their core meanwhile
        if (found is { } span)
        {
            _known = true;
            (_seconds, _waited) = (_seconds + span.Seconds, _waited + span.WaitedSeconds);
            (_switches, _faults) = (_switches + (span.InvoluntarySwitches ?? 0), _faults + (span.MajorFaults ?? 0));
            bool waited = _waitCounts && span.WaitedShare > MostWaited;
            bool faulted = _faultsCount && (span.MajorFaults ?? 0) * SecondsPerFault > MostWaited * span.Seconds;
            if (waited || faulted) Flag(_read);
        }

        _read = _disturbed.Count;
        _readAt = _context.Clock.GetTimestamp();
        if (_context.Machine.NextCores(leastCores) is not { } cores) return;
        (_other, _stolen) = (Math.Max(_other, cores.OtherShare), Math.Max(_stolen, cores.StealShare));
        _throttled = cores.ThrottleEvents is { } events ? (_throttled ?? 0) + events : _throttled;
        if (cores.FastestMegahertz is { } clock)
            _megahertz = _megahertz is { } so ? (Math.Min(so.Least, clock), Math.Max(so.Most, clock)) : (clock, clock);
        _cpuPressure = Larger(_cpuPressure, cores.CpuPressure);
        _memoryPressure = Larger(_memoryPressure, cores.MemoryPressure);
        _ioPressure = Larger(_ioPressure, cores.IoPressure);
        if (cores.OtherShare > MostOther || cores.StealShare > MostStolen || cores.ThrottleEvents > 0) Flag(_coresRead);
        _coresRead = _disturbed.Count;
    }

    private static double? Larger(double? a, double? b) => a is { } known ? Math.Max(known, b ?? known) : b;

    private void Flag(int from)
    {
        for (int i = from; i < _disturbed.Count; i++) _disturbed[i] = true;
    }
}
