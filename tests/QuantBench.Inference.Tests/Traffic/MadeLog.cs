using QuantBench.Inference.Servers;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Tests.Traffic;

/// <summary>Logs of loads that nobody made.</summary>
internal static class MadeLog
{
    public static RequestRecord Answered(int index, double intendedMs, params double[] partsMs)
    {
        RequestRecord record = new() { Index = index, IntendedNs = Ns(intendedMs), Wanted = partsMs.Length };
        record.SentNs = record.IntendedNs;
        foreach (double at in partsMs) record.Add(new ReplyPart(ReplyKind.Token, "a", 1), Ns(at));
        record.EndNs = Ns(partsMs[^1]);
        return record;
    }

    public static RequestRecord Failed(int index, double intendedMs, ServerFault fault) => new()
    {
        Index = index,
        IntendedNs = Ns(intendedMs),
        Wanted = 4,
        SentNs = Ns(intendedMs),
        EndNs = Ns(intendedMs + 1),
        Fault = fault,
        Message = "as told",
    };

    public static TrafficLog Of(IEnumerable<RequestRecord> requests, double fromMs, double toMs,
        params (double FromMs, double ToMs)[] stalls) => new()
        {
            Requests = [.. requests],
            FromNs = Ns(fromMs),
            ToNs = Ns(toMs),
            Stalls = [.. stalls.Select(s => (Ns(s.FromMs), Ns(s.ToMs)))],
            Missed = 0,
            Held = 0,
            DispatchMs = [0.1],
            CpuShare = 0.1,
            SendPriority = "raised",
        };

    /// <summary>What a server makes of a plan that serves so many requests per second, one after the other.</summary>
    public static TrafficLog Queue(TrafficPlan plan, double capacity, double latencyMs)
    {
        double end = (plan.WarmUpSeconds + plan.Seconds) * 1000;
        double service = 1000 / capacity;
        double free = 0;
        var requests = new List<RequestRecord>();
        if (plan.Arrivals == ArrivalKind.Closed)
        {
            for (double at = 0; at < end; at += service) requests.Add(Answered(requests.Count, at, at + latencyMs, at + latencyMs + 1));
            return Of(requests, plan.WarmUpSeconds * 1000, end);
        }

        foreach (double seconds in ArrivalProcess.Seconds(plan, new Random((int)plan.Seed)).TakeWhile(s => s * 1000 < end))
        {
            double start = Math.Max(seconds * 1000, free);
            free = start + service;
            requests.Add(Answered(requests.Count, seconds * 1000, start + latencyMs, start + latencyMs + 1));
        }

        return Of(requests, plan.WarmUpSeconds * 1000, end);
    }

    private static long Ns(double ms) => (long)Math.Round(ms * 1e6);
}
