namespace QuantBench.Core.Traffic;

/// <summary>A latency of requests.</summary>
public enum Latency
{
    /// <summary>From the intended moment of sending to the first token.</summary>
    Ttft,

    /// <summary>From the intended moment of sending to the first token of the answer, behind reasoning.</summary>
    Answer,

    /// <summary>Between one token and the next; many of each request.</summary>
    Itl,

    /// <summary>Mean time per token after the first.</summary>
    Tpot,

    /// <summary>From the intended moment of sending to the end of the reply.</summary>
    E2e,
}
