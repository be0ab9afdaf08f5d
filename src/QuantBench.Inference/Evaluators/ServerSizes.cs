using QuantBench.Core.Metrics;

namespace QuantBench.Inference.Evaluators;

/// <summary>Memory of a server that the run started, beside whatever a cell measures on it.</summary>
public static class ServerSizes
{
    /// <summary>The figures.</summary>
    /// <param name="resident">Largest resident bytes of its process tree; null = not known.</param>
    /// <param name="proportional">The same, shared pages by their share.</param>
    public static IEnumerable<Measurement> Of(long? resident, long? proportional)
    {
        if (resident is { } all) yield return Measurement.Of("server_rss_peak", all);
        if (proportional is { } share) yield return Measurement.Of("server_pss_peak", share);
    }
}
