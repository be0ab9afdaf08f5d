namespace QuantBench.Analysis.Loads;

/// <summary>Where a point is as to the front of latency against throughput.</summary>
public enum FrontPlace
{
    /// <summary>No other point has both more answers and less waiting.</summary>
    On,

    /// <summary>Another one has, but not beyond the intervals.</summary>
    NotToldFrom,

    /// <summary>Another one surely has.</summary>
    Behind,
}
