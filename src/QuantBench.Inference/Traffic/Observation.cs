namespace QuantBench.Inference.Traffic;

/// <summary>A span that a latency was seen over.</summary>
/// <param name="FromNs">Its start.</param>
/// <param name="ToNs">Its end.</param>
internal readonly record struct Observation(long FromNs, long ToNs)
{
    /// <summary>By how much its length is divided.</summary>
    public int Parts { get; init; } = 1;

    /// <summary>The latency in milliseconds.</summary>
    public double Ms => (ToNs - FromNs) / 1e6 / Parts;
}
