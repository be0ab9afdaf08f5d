using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Statistics;
using QuantBench.Core.Traffic;

namespace QuantBench.Inference.Traffic;

/// <summary>
/// Looks for the highest rate of requests at which a server keeps an objective. A closed loop of many requests first says what it answers
/// at most; from there, rates are tried: further apart until one keeps the objective and one doesn't, then halfway (in proportion) between
/// them.
/// </summary>
/// <param name="plan">The load; its rate is what is looked for.</param>
/// <param name="objective">What must be kept.</param>
/// <param name="load">Makes a load.</param>
/// <param name="check">Refuses a load that the load generator couldn't make.</param>
internal sealed class CapacitySearch(
    TrafficPlan plan, ServiceObjective objective, Func<TrafficPlan, TrafficLog> load, Action<TrafficLog, TrafficPlan> check)
{
    /// <summary>Most loads, the closed loop counted.</summary>
    public const int MostProbes = 8;

    private const int Saturating = 256;
    private const double FirstShare = 0.8;
    private const double SecondShare = 1.05;
    private const double StepUp = 2;
    private const double StepDown = 2.5;
    private const double CloseEnough = 1.015;
    private const double MostLonger = 4;
    private const double Z = 1.96;

    // Answers that take this many times longer at the end than at the start, and not by chance: a queue that grows without end.
    private const double Growing = 2;
    private const double GrowingChance = 0.001;

    private readonly List<CapacityProbe> _probes = [];
    private readonly List<string> _notes = [];

    /// <summary>Searches.</summary>
    /// <exception cref="EngineException">No rate that was tried keeps the objective.</exception>
    public CapacityResult Run()
    {
        TrafficPlan closed = plan with { Drains = true, Arrivals = ArrivalKind.Closed, Concurrency = Math.Min(Saturating, plan.MostOpen) };
        TrafficLog saturated = load(closed);
        double most = saturated.Requests.Count(r => r.IsAnswered && r.EndNs >= saturated.FromNs && r.EndNs < saturated.ToNs)
            / saturated.Seconds;
        _probes.Add(new CapacityProbe(most, saturated, null, true, $"{closed.Concurrency} requests at a time"));
        if (most == 0) throw new EngineException($"The server answered none of {closed.Concurrency} requests within the measured time.",
            "Raise duration, or lower output_tokens.");

        double low = 0;
        double high = double.PositiveInfinity;
        double rate = FirstShare * most;
        while (_probes.Count < MostProbes && high > low * CloseEnough)
        {
            CapacityProbe probe = Try(rate);
            _probes.Add(probe);
            if (probe.Kept == true) low = Math.Max(low, rate);
            else high = Math.Min(high, rate);
            rate = low == 0 ? high / StepDown
                : !double.IsPositiveInfinity(high) ? Math.Sqrt(low * high)
                : low < most ? SecondShare * most : low * StepUp;
        }

        if (low == 0)
        {
            throw new EngineException(
                string.Create(CultureInfo.InvariantCulture,
                    $"At {high:0.###} requests per second, the lowest rate tried, the SLO isn't kept: {_probes[^1].Reason}."),
                "Loosen the slo, or look at one request at a time first (arrivals: closed).");
        }

        if (double.IsPositiveInfinity(high)) _notes.Add("every rate that was tried kept the SLO: the capacity is higher");
        CapacityProbe[] open = [.. _probes.Skip(1)];
        double surelyLow = open.Where(p => p is { Kept: true, Sure: true }).Select(p => p.Rate).DefaultIfEmpty(low).Max();
        double surelyHigh = open.Where(p => p is { Kept: false, Sure: true } && p.Rate > low).Select(p => p.Rate)
            .DefaultIfEmpty(double.IsPositiveInfinity(high) ? low : high).Min();
        return new CapacityResult(low, Math.Min(low, surelyLow), Math.Max(low, surelyHigh), [.. _probes], [.. _notes]);
    }

    private CapacityProbe Try(double rate)
    {
        // As many requests as its rarest event needs to be seen once, but not for ever.
        double least = 1 / (1 - objective.Terms.Max(t => t.Quantile));
        TrafficPlan one = plan with
        {
            Drains = true,
            Rate = rate,
            RampTo = null,
            Seconds = Math.Clamp(least / rate, plan.Seconds, plan.Seconds * MostLonger),
        };
        TrafficLog log = load(one);
        try
        {
            check(log, one);
        }
        catch (EngineException e)
        {
            _notes.Add($"the search ends at what the load generator can make: {e.Message}");
            return new CapacityProbe(rate, log, false, false, "the load generator can't hold it");
        }

        return Judge(rate, log, objective);
    }

    /// <summary>Whether a load kept an objective.</summary>
    internal static CapacityProbe Judge(double rate, TrafficLog log, ServiceObjective objective)
    {
        RequestRecord[] measured = [.. log.Measured];
        int lost = measured.Count(r => !r.IsAnswered) + log.Held;
        var reasons = new List<string>();
        bool kept = true;
        bool sure = true;
        bool surelyNot = false;
        foreach (ServiceTerm term in objective.Terms)
        {
            (double[] ms, _) = Latencies.Of(log, term.Latency);
            // A request that failed kept nothing; of gaps it has as many as others.
            double all = ms.Length + (lost * (double)Math.Max(1, ms.Length) / Math.Max(1, measured.Length - lost));
            double over = ms.Count(v => v > term.LimitMs) + (all - ms.Length);
            double share = all == 0 ? 1 : over / all;
            double allowed = 1 - term.Quantile;
            bool keeps = share <= allowed;
            bool isSure = Math.Abs(share - allowed) > Z * Math.Sqrt(allowed * term.Quantile / Math.Max(1, all));
            (kept, sure, surelyNot) = (kept && keeps, sure && isSure, surelyNot || (!keeps && isSure));
            reasons.Add(string.Create(CultureInfo.InvariantCulture,
                $"{share * 100:0.##} % of {all:0} beyond {term.LimitMs:0.###} ms ({term.Latency.ToString().ToLowerInvariant()})"));
        }

        if (kept && Grows(measured) is { } growth)
        {
            (kept, sure) = (false, true);
            reasons.Add(growth);
        }

        return new CapacityProbe(rate, log, kept, kept ? sure : surelyNot || sure, string.Join(", ", reasons));
    }

    private static string? Grows(RequestRecord[] measured)
    {
        double[] ms = [.. measured.Where(r => r.IsAnswered).Select(r => (r.PartNs[0] - r.IntendedNs) / 1e6)];
        int third = ms.Length / 3;
        if (third < 5) return null;
        double[] first = ms[..third];
        double[] last = ms[^third..];
        double before = Descriptive.Median(first);
        double after = Descriptive.Median(last);
        return after > Growing * before && MannWhitney.Test(first, last).PValue < GrowingChance
            ? string.Create(CultureInfo.InvariantCulture,
                $"first tokens came after {before:0.#} ms at first and {after:0.#} ms at last") : null;
    }
}
