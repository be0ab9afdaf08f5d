using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Traffic;
using QuantBench.Inference.Servers;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// The figures of a load. Those of single requests keep their observations; rates and tails are one observation of each launch, with an
/// interval from within it as long as there is only one.
/// </summary>
/// <param name="log">The load.</param>
/// <param name="objective">What requests must keep; null = nothing is asked.</param>
/// <param name="launches">Launches of the cell.</param>
internal sealed class ServeFigures(TrafficLog log, ServiceObjective? objective, int launches)
{
    /// <summary>Most observations stored of a latency of all launches; all of them count in tails.</summary>
    public const int MostSamples = 4096;

    // Shares of the measured time or its requests above which a load wasn't the intended one.
    private const double MostStalled = 0.05;
    private const double MostMissed = 0.01;
    private const double LatenessQuantile = 0.99;
    private const double MostLateMs = 20;
    private const double MostFailed = 0.5;
    private const int LastRequests = 10;
    private const int Slices = 10;

    private static readonly ImmutableArray<(string Name, string? Tail, Latency Latency)> s_latencies =
    [
        ("serve_ttft", "serve_ttft_tail", Latency.Ttft),
        ("serve_answer", null, Latency.Answer),
        ("serve_itl", "serve_itl_tail", Latency.Itl),
        ("serve_tpot", null, Latency.Tpot),
        ("serve_e2e", "serve_e2e_tail", Latency.E2e),
    ];

    /// <summary>Refuses a load that this machine's load generator couldn't make.</summary>
    /// <exception cref="EngineException">It couldn't.</exception>
    public static void CheckGenerator(TrafficLog log, TrafficPlan plan)
    {
        double missed = (double)log.Missed / Math.Max(1, log.Missed + log.Measured.Count());
        double stalled = log.StalledNs(log.FromNs, log.ToNs) / Math.Max(1.0, log.ToNs - log.FromNs);
        double dispatch = Quantile([.. log.DispatchMs], LatenessQuantile);
        string? why = missed > MostMissed ? $"{Percent(missed)} of the requests couldn't be sent in time"
            : stalled > MostStalled ? $"it stood still for {Percent(stalled)} of the measured time"
            : dispatch > MostLateMs ? $"what came waited {dispatch:0} ms for a thread (99th percentile)" : null;
        if (why is null) return;
        string load = plan.Arrivals == ArrivalKind.Closed ? $"{plan.Concurrency} requests at a time"
            : string.Create(CultureInfo.InvariantCulture, $"{plan.Rate:0.###} requests per second");
        throw new EngineException(
            string.Create(CultureInfo.InvariantCulture,
                $"The load generator can't hold {load} on this machine: {why}; it kept {log.CpuShare:0.0} cores busy. ")
                + "Figures would be its own, not the server's.",
            "Lower the load, keep other work off this machine, or put the server on another one.");
    }

    /// <summary>Refuses a load that the server mostly failed, or that it didn't survive.</summary>
    /// <exception cref="ServerException">It did.</exception>
    public static void CheckServer(TrafficLog log)
    {
        RequestRecord[] measured = [.. log.Measured];
        int unsent = log.Held;
        if (measured.Length + unsent == 0)
        {
            throw new ServerException(ServerFault.Timeout, "no request fell into the measured time",
                "Raise rate or duration.");
        }

        RequestRecord[] failed = [.. measured.Where(r => r.Fault is not null)];
        bool died = measured.Length >= LastRequests && measured.OrderBy(r => r.EndNs).TakeLast(LastRequests).All(r => r.Fault is not null);
        if (failed.Length + unsent <= MostFailed * (measured.Length + unsent) && !died) return;
        if (failed.Length == 0)
            throw new ServerException(ServerFault.Timeout, $"the server left so many requests open that {unsent} weren't sent");
        IGrouping<ServerFault, RequestRecord> most = failed.GroupBy(r => r.Fault!.Value).MaxBy(g => g.Count())!; // one failed at least
        throw new ServerException(most.Key,
            $"{failed.Length} of {measured.Length} requests failed{(died ? ", the last ones all" : "")}: {Word(most.Key)}: "
                + $"{most.Last().Message}");
    }

    /// <summary>All figures.</summary>
    /// <param name="notes">Receives marks on the cell.</param>
    public IEnumerable<Measurement> Measurements(List<string> notes)
    {
        RequestRecord[] measured = [.. log.Measured];
        RequestRecord[] answered = [.. measured.Where(r => r.IsAnswered)];
        Mark(measured, answered, notes);
        if (objective is { } slo)
        {
            yield return Rate("goodput", measured.Where(r => Latencies.Keeps(r, slo)).Select(r => (r.IntendedNs, 1.0)));
            notes.Add($"goodput counts requests that keep {string.Join(", ", slo.Terms)}");
        }

        yield return Rate("requests_per_second", log.Requests.Where(r => r.IsAnswered).Select(r => (r.EndNs, 1.0)));
        yield return Rate("serve_tps", log.Requests.SelectMany(TokenTimes));
        double[] speeds =
        [
            .. answered.SelectMany(r => Latencies.Of(r, Latency.Tpot)).Where(o => !log.IsDisturbed(o.FromNs, o.ToNs) && o.Ms > 0)
                .Select(o => 1000 / o.Ms),
        ];
        if (speeds.Length > 0) yield return Samples("request_tps", speeds, 0);
        foreach ((string name, string? tail, Latency latency) in s_latencies)
        {
            // Without reasoning the answer's first token is the reply's.
            if (latency == Latency.Answer && answered.All(r => r.FirstAnswer <= 0)) continue;
            (double[] ms, int disturbed) = Latencies.Of(log, latency);
            if (ms.Length == 0) continue;
            yield return Samples(name, ms, disturbed);
            if (tail is not null && ms.Length >= Descriptive.P99Observations / launches) yield return Tail(tail, ms);
            else if (tail is not null)
                notes.Add($"{tail}: {ms.Length} observations of {Descriptive.P99Observations / launches} that it needs");
        }

        double failed = measured.Count(r => r.Fault is not null) + log.Held;
        yield return One("error_share", failed / Math.Max(1, measured.Length + log.Held),
            Proportion.Wilson(failed, measured.Length + log.Held), measured.Length + log.Held);
        yield return Samples("send_lateness", [.. measured.Select(r => (r.SentNs - r.IntendedNs) / 1e6)], 0);
        yield return One("generator_cpu", log.CpuShare, null, 1);
    }

    /// <summary>The figure of a search.</summary>
    public static IEnumerable<Measurement> Capacity(CapacityResult found, List<string> notes)
    {
        foreach (CapacityProbe probe in found.Probes) notes.Add($"probe: {probe.Text}");
        notes.AddRange(found.Notes);
        yield return One("serve_capacity", found.Rate, new Interval(found.Low, found.High), found.Probes.Length);
    }

    /// <summary>Adds what each load of a search came to.</summary>
    /// <param name="found">The search.</param>
    /// <param name="launch">Number of its launch.</param>
    /// <param name="conditions">Receives the figures.</param>
    public static void AddProbes(CapacityResult found, int launch, ImmutableSortedDictionary<string, double>.Builder conditions)
    {
        for (int i = 0; i < found.Probes.Length; i++)
        {
            foreach ((string key, double value) in
                LoadProbe.ToConditions(launch, i + 1, new ServeFigures(found.Probes[i].Log, null, 1).Measurements([])))
                conditions[key] = value;
        }
    }

    /// <summary>Adds counts of what happened.</summary>
    public static void AddConditions(TrafficLog log, ImmutableSortedDictionary<string, double>.Builder conditions)
    {
        Add("load_requests", log.Measured.Count());
        Add("load_missed", log.Missed);
        Add("load_held_back", log.Held);
        Add("load_stalled_ms", log.StalledNs(log.FromNs, log.ToNs) / 1e6);
        Add("load_collections", log.Collections);
        Add("load_collected_ms", log.CollectedMs);
        foreach (IGrouping<ServerFault, RequestRecord> kind in log.Measured.Where(r => r.Fault is not null).GroupBy(r => r.Fault!.Value))
            Add($"errors_{Word(kind.Key)}", kind.Count());
        conditions["load_dispatch_p99_ms"] =
            Math.Max(conditions.GetValueOrDefault("load_dispatch_p99_ms"), Quantile([.. log.DispatchMs], LatenessQuantile));

        void Add(string key, double value) => conditions[key] = conditions.GetValueOrDefault(key) + value;
    }

    private void Mark(RequestRecord[] measured, RequestRecord[] answered, List<string> notes)
    {
        foreach (IGrouping<ServerFault, RequestRecord> kind in measured.Where(r => r.Fault is not null).GroupBy(r => r.Fault!.Value))
            notes.Add($"{kind.Count()} of {measured.Length} requests failed: {Word(kind.Key)}: {kind.First().Message}");
        if (log.Held > 0) notes.Add($"{log.Held} requests weren't sent: too many were open");
        if (log.Missed > 0) notes.Add($"{log.Missed} requests weren't sent: the load generator stood still at their moment");
        double stalled = log.StalledNs(log.FromNs, log.ToNs) / 1e6;
        if (stalled > 0)
        {
            notes.Add(string.Create(CultureInfo.InvariantCulture,
                $"the load generator stood still for {stalled:0} ms; that doesn't count"));
        }

        int other = answered.Count(r => r.Usage?.Generated is { } said && said != r.CountedTokens);
        if (other > 0)
        {
            notes.Add($"{other} of {answered.Length} replies came in other pieces than tokens, or the server counts otherwise: "
                + $"{answered.Sum(r => (long)(r.Usage?.Generated ?? 0))} tokens by the server, {answered.Sum(r => (long)r.CountedTokens)} "
                + "events; gaps are between events");
        }

        int shortOnes = answered.Count(r => r.Tokens < r.Wanted);
        if (shortOnes > 0) notes.Add($"{shortOnes} of {answered.Length} replies are shorter than asked for");
        int cached = answered.Count(r => r.Usage?.Cached > 0);
        if (cached > 0)
        {
            notes.Add($"{cached} of {answered.Length} prompts were partly taken from a cache: "
                + $"{answered.Sum(r => (long)(r.Usage?.Cached ?? 0))} of {answered.Sum(r => (long)(r.Usage?.Prompt ?? 0))} tokens");
        }
    }

    private static IEnumerable<(long AtNs, double Count)> TokenTimes(RequestRecord request)
    {
        // The server's count, spread over the events that brought the tokens.
        double each = request is { Parts: > 0, IsAnswered: true } ? (double)request.Tokens / request.Parts : 1;
        for (int i = 0; i < request.Parts; i++) yield return (request.PartNs[i], each);
    }

    /// <summary>What happened per second of the measured time; its interval from equal slices of it.</summary>
    private Measurement Rate(string metric, IEnumerable<(long AtNs, double Count)> events)
    {
        double[] counts = new double[Slices];
        double length = (log.ToNs - log.FromNs) / (double)Slices;
        double all = 0;
        foreach ((long at, double count) in events)
        {
            if (at < log.FromNs || at >= log.ToNs) continue;
            counts[Math.Min(Slices - 1, (int)((at - log.FromNs) / length))] += count;
            all += count;
        }

        double rate = all / log.Seconds;
        double half = SpecialFunctions.StudentQuantile(0.95, Slices - 1) * Descriptive.StandardDeviation(counts) / Math.Sqrt(Slices)
            * Slices / log.Seconds;
        return One(metric, rate, new Interval(Math.Max(0, rate - half), rate + half), (long)all);
    }

    private static Measurement Tail(string metric, double[] ms)
    {
        Array.Sort(ms);
        // Ranks between which the quantile lies, by the binomial's normal approximation.
        double middle = LatenessQuantile * ms.Length;
        double half = 1.96 * Math.Sqrt(ms.Length * LatenessQuantile * (1 - LatenessQuantile));
        double low = ms[Math.Clamp((int)Math.Floor(middle - half), 0, ms.Length - 1)];
        double high = ms[Math.Clamp((int)Math.Ceiling(middle + half), 0, ms.Length - 1)];
        return One(metric, Descriptive.Quantile(ms, LatenessQuantile), new Interval(low, high), ms.Length);
    }

    private Measurement Samples(string metric, double[] values, int disturbed)
    {
        int most = Math.Max(1, MostSamples / launches);
        double[] kept = values;
        var notes = new List<string>();
        if (values.Length > most)
        {
            kept = [.. Enumerable.Range(0, most).Select(i => values[(int)((long)i * values.Length / most)])];
            notes.Add($"{most} of {values.Length} observations, evenly spread");
        }

        if (disturbed > 0) notes.Add($"{disturbed} observations lie in spans in which the load generator stood still and don't count");
        return MeasurementBuilder.FromSamples(metric, kept, [.. notes]);
    }

    /// <summary>A figure with one observation in each launch.</summary>
    /// <param name="metric">Its name.</param>
    /// <param name="value">The observation.</param>
    /// <param name="interval">Its interval from within the launch; null = none.</param>
    /// <param name="n">What is behind it.</param>
    public static Measurement One(string metric, double value, Interval? interval, long n) =>
        MeasurementBuilder.FromSamples(metric, [value]) with
        {
            N = n,
            Median = null,
            Ci95 = interval is { } ends ? [ends.Low, ends.High] : null,
            Timing = new TimingFacts { LaunchValues = [value], LaunchSamples = [1] },
            Notes = null,
        };

    private static double Quantile(double[] values, double q)
    {
        if (values.Length == 0) return 0;
        Array.Sort(values);
        return Descriptive.Quantile(values, q);
    }

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.#} %");

    private static string Word(ServerFault fault) => fault switch
    {
        ServerFault.RateLimited => "rate_limited",
        ServerFault.ServerError => "server_error",
        _ => fault.ToString().ToLowerInvariant(),
    };
}
