namespace QuantBench.Core.Traffic;

/// <summary>One limit of an objective.</summary>
/// <param name="Latency">Of what.</param>
/// <param name="Quantile">Which quantile must keep it, 0.01 to 0.99.</param>
/// <param name="LimitMs">The limit in milliseconds.</param>
public readonly record struct ServiceTerm(Latency Latency, double Quantile, double LimitMs)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Latency.ToString().ToLowerInvariant()}_p{Quantile * 100:0} {LimitMs:0.###}ms";
}
