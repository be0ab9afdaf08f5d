using QuantBench.Core.Statistics;
using QuantBench.Core.Traffic;

namespace QuantBench.Inference.Traffic;

/// <summary>Latencies of answered requests.</summary>
internal static class Latencies
{
    /// <summary>A latency's observations of one request; empty where it has none (one token has no gap).</summary>
    /// <param name="request">An answered request.</param>
    /// <param name="latency">Which.</param>
    public static IEnumerable<Observation> Of(RequestRecord request, Latency latency)
    {
        int last = request.Parts - 1;
        switch (latency)
        {
            case Latency.Ttft:
                yield return new Observation(request.IntendedNs, request.PartNs[0]);
                break;
            case Latency.Answer when request.FirstAnswer >= 0:
                yield return new Observation(request.IntendedNs, request.PartNs[request.FirstAnswer]);
                break;
            case Latency.Itl:
                for (int i = 1; i <= last; i++) yield return new Observation(request.PartNs[i - 1], request.PartNs[i]);
                break;
            case Latency.Tpot when last > 0 && request.Tokens > 1:
                yield return new Observation(request.PartNs[0], request.PartNs[last]) { Parts = request.Tokens - 1 };
                break;
            case Latency.E2e:
                yield return new Observation(request.IntendedNs, request.EndNs);
                break;
        }
    }

    /// <summary>Whether a request was answered and kept every limit by itself; of gaps between tokens, its own percentile
    /// counts.</summary>
    /// <param name="request">A request.</param>
    /// <param name="objective">The limits.</param>
    public static bool Keeps(RequestRecord request, ServiceObjective objective)
    {
        return request.IsAnswered && objective.Terms.All(KeepsTerm);

        bool KeepsTerm(ServiceTerm term)
        {
            double[] values = [.. Of(request, term.Latency).Select(s => s.Ms)];
            Array.Sort(values);
            return values.Length == 0 || Descriptive.Quantile(values, values.Length == 1 ? 0 : term.Quantile) <= term.LimitMs;
        }
    }

    /// <summary>Milliseconds of all of a log's measured, answered requests, but for those in which this process stood still.</summary>
    /// <param name="log">The log.</param>
    /// <param name="latency">Which latency.</param>
    /// <returns>In the order of the requests, and how many were left out.</returns>
    public static (double[] Ms, int Disturbed) Of(TrafficLog log, Latency latency)
    {
        var clean = new List<double>();
        int disturbed = 0;
        foreach (RequestRecord request in log.Measured)
        {
            if (!request.IsAnswered) continue;
            foreach (Observation seen in Of(request, latency))
            {
                if (log.IsDisturbed(seen.FromNs, seen.ToNs)) disturbed++;
                else clean.Add(seen.Ms);
            }
        }

        return ([.. clean], disturbed);
    }
}
