namespace QuantBench.Inference.Servers;

/// <summary>Limits of a client.</summary>
public sealed record ServerOptions
{
    /// <summary>Most connections open at once.</summary>
    public int MostConnections { get; init; } = 1024;

    /// <summary>Longest time until a connection stands.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Shortest pause before a call that sets up is tried again, where the server asks for none; doubled each time.</summary>
    public TimeSpan SetUpPause { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Longest line (event, JSON object) of a reply in bytes: a longer one ends it as flooded.</summary>
    public int LongestLine { get; init; } = 1 << 20;
}
