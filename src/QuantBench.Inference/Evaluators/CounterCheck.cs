using System.Globalization;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Servers;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Evaluators;

/// <summary>What a server counted during a load, beside what was sent: all of the load, warm-up included.</summary>
/// <param name="log">The load.</param>
/// <param name="counted">What the server added to its counters meanwhile.</param>
internal sealed class CounterCheck(TrafficLog log, ServerCounters counted)
{
    // Beyond it the two don't count the same thing, or others used the server meanwhile.
    private const double MostApart = 0.03;

    /// <summary>The server's own means.</summary>
    public IEnumerable<Measurement> Measurements()
    {
        if (counted.FirstToken?.MeanMs is { } first)
            yield return ServeFigures.One("server_ttft", first, null, (long)counted.FirstToken.Value.Count);
        if (counted.TokenGap?.MeanMs is { } gap) yield return ServeFigures.One("server_itl", gap, null, (long)counted.TokenGap.Value.Count);
        if (counted.Queue?.MeanMs is { } wait)
            yield return ServeFigures.One("server_queue_time", wait, null, (long)counted.Queue.Value.Count);
    }

    /// <summary>The server's counts as conditions of the cell.</summary>
    public IEnumerable<(string Key, double Value)> Conditions()
    {
        if (counted.Requests is { } requests) yield return ("server_counted_requests", requests);
        if (counted.PromptTokens is { } prompt) yield return ("server_counted_prompt_tokens", prompt);
        if (counted.CachedTokens is { } cached) yield return ("server_counted_cached_tokens", cached);
        if (counted.GeneratedTokens is { } generated) yield return ("server_counted_tokens", generated);
    }

    /// <summary>Marks on the cell.</summary>
    public IEnumerable<string> Notes()
    {
        // Of those that failed or were dropped the server may have done any part.
        double open = log.Requests.Where(r => !r.IsAnswered).Sum(r => (double)r.Wanted);
        double ours = log.Requests.Where(r => r.IsAnswered).Sum(r => (double)r.Tokens);
        if (counted.GeneratedTokens is { } theirs && ours > 0
            && (theirs < ours * (1 - MostApart) || theirs > (ours * (1 + MostApart)) + open))
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"the server counted {theirs:0} generated tokens while {ours:0} came here: others used it, or it counts otherwise");
        }

        if (counted.CachedTokens is > 0 and var cached)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"the server took {cached:0} of {counted.PromptTokens ?? 0:0} prompt tokens from a cache, by its own count");
        }
    }
}
