using QuantBench.Core.Metrics;

namespace QuantBench.Inference.Evaluators;

/// <summary>Sizes of a server's process tree, which whoever started it watches.</summary>
public static class ServerSizes
{
    /// <summary>Its largest resident memory.</summary>
    /// <param name="bytes">The sum over its processes.</param>
    public static Measurement Resident(double bytes) => Measurement.Of("server_rss_peak", bytes);

    /// <summary>Its largest proportional memory.</summary>
    /// <param name="bytes">The sum over its processes.</param>
    public static Measurement Proportional(double bytes) => Measurement.Of("server_pss_peak", bytes);
}
