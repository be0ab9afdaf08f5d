namespace QuantBench.Inference.Servers;

/// <summary>A server's own counters of everything it ever did; null = it doesn't count that.</summary>
public sealed record ServerCounters
{
    /// <summary>Requests that it answered.</summary>
    public double? Requests { get; init; }

    /// <summary>Tokens of prompts, those from a cache included.</summary>
    public double? PromptTokens { get; init; }

    /// <summary>Tokens of prompts that were taken from a cache.</summary>
    public double? CachedTokens { get; init; }

    /// <summary>Tokens that it generated.</summary>
    public double? GeneratedTokens { get; init; }

    /// <summary>Times to the first token.</summary>
    public ServerSum? FirstToken { get; init; }

    /// <summary>Times from one token to the next.</summary>
    public ServerSum? TokenGap { get; init; }

    /// <summary>Times that requests waited before they were worked on.</summary>
    public ServerSum? Queue { get; init; }

    /// <summary>What was added since an earlier reading; null of a counter that went back, because the server began anew.</summary>
    /// <param name="before">The earlier reading.</param>
    public ServerCounters Since(ServerCounters before)
    {
        ArgumentNullException.ThrowIfNull(before);
        return new ServerCounters
        {
            Requests = Since(Requests, before.Requests),
            PromptTokens = Since(PromptTokens, before.PromptTokens),
            CachedTokens = Since(CachedTokens, before.CachedTokens),
            GeneratedTokens = Since(GeneratedTokens, before.GeneratedTokens),
            FirstToken = Since(FirstToken, before.FirstToken),
            TokenGap = Since(TokenGap, before.TokenGap),
            Queue = Since(Queue, before.Queue),
        };
    }

    private static double? Since(double? after, double? before) => after - before is >= 0 and var added ? added : null;

    private static ServerSum? Since(ServerSum? after, ServerSum? before) =>
        after is { } a && before is { } b && Since(a.Seconds, b.Seconds) is { } seconds && Since(a.Count, b.Count) is { } count
            ? new ServerSum(seconds, count) : null;
}

/// <summary>Times that a server added up.</summary>
/// <param name="Seconds">Their sum.</param>
/// <param name="Count">How many they are.</param>
public readonly record struct ServerSum(double Seconds, double Count)
{
    /// <summary>Their mean in milliseconds; null of none.</summary>
    public double? MeanMs => Count > 0 ? Seconds / Count * 1000 : null;
}
