using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Traffic;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Evaluators;

/// <summary>The load of a cell's settings.</summary>
internal static class ServePlan
{
    /// <summary>One launch's share of the load.</summary>
    /// <param name="context">The cell.</param>
    /// <exception cref="RequestException">A setting is wrong, or the trace can't be read.</exception>
    public static TrafficPlan Of(EvaluationContext context)
    {
        CellSettings s = context.Cell.Settings;
        ArrivalKind kind = Enum.Parse<ArrivalKind>(s.Text("arrivals"), ignoreCase: true);
        long requests = s.Int("requests");
        return new TrafficPlan
        {
            Arrivals = kind,
            Rate = s.Number("rate"),
            RampTo = s.Number("ramp_to") > 0 ? s.Number("ramp_to") : null,
            Burstiness = s.Number("burstiness"),
            Concurrency = checked((int)s.Int("concurrency")),
            Trace = kind == ArrivalKind.Trace ? TraceFile.Read(Path.GetFullPath(s.Text("trace"))) : [],
            WarmUpSeconds = s.Number("warmup"),
            Seconds = s.Number("duration") / context.Launches,
            MostRequests = requests == 0 ? int.MaxValue : checked((int)Math.Max(1, requests / context.Launches)),
            PromptLengths = Lengths(s, "prompt_tokens"),
            OutputLengths = Lengths(s, "output_tokens"),
            SharedPrefix = s.Number("shared_prefix"),
            Turns = checked((int)s.Int("turns")),
            ThinkSeconds = s.Number("think_time"),
            RequestTimeoutSeconds = s.Number("request_timeout"),
            StallTimeoutSeconds = s.Number("stall_timeout"),
            // Each launch draws anew, or it would meet what the server remembers of the one before.
            Seed = unchecked((s.Int("seed") * 1_000_003) + context.Launch),
        };
    }

    private static LengthDistribution Lengths(CellSettings settings, string key) =>
        LengthDistribution.Parse(settings.Text(key))
        ?? throw new RequestException($"{key}: '{settings.Text(key)}' is no distribution of lengths.");
}
