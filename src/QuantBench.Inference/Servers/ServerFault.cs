namespace QuantBench.Inference.Servers;

/// <summary>Kinds of failed requests; errors are counted by them.</summary>
public enum ServerFault
{
    /// <summary>No connection: refused, no such host, unreachable.</summary>
    Unreachable,

    /// <summary>Status 429.</summary>
    RateLimited,

    /// <summary>Status 5xx, or an error that the server reports inside of a reply.</summary>
    ServerError,

    /// <summary>Another status than 2xx: what was asked is wrong.</summary>
    Rejected,

    /// <summary>The reply isn't what the protocol says.</summary>
    Malformed,

    /// <summary>The connection ended before the reply did.</summary>
    Cut,

    /// <summary>More came than was asked for or than a reply may hold.</summary>
    Flooded,

    /// <summary>Nothing came for too long.</summary>
    Stalled,

    /// <summary>The reply wasn't complete in its time.</summary>
    Timeout,
}
