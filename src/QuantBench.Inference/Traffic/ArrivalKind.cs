namespace QuantBench.Inference.Traffic;

/// <summary>How requests come.</summary>
public enum ArrivalKind
{
    /// <summary>Closed loop: so many at a time, each followed by the next.</summary>
    Closed,

    /// <summary>Open loop, at equal distances.</summary>
    Constant,

    /// <summary>Open loop, at exponentially distributed distances: independent users.</summary>
    Poisson,

    /// <summary>Open loop, at gamma distributed distances.</summary>
    Gamma,

    /// <summary>Open loop, as a trace file says.</summary>
    Trace,
}
