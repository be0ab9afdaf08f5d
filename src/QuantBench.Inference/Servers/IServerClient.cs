namespace QuantBench.Inference.Servers;

/// <summary>
/// Speaks one protocol to one server. Safe for many requests at once. It neither measures nor retries: who calls it reads the clock when a
/// part is handed over, and a request that failed has failed. One that no connection took is sent again, and counted.
/// </summary>
public interface IServerClient : IDisposable
{
    /// <summary>What the server really runs, as it says itself.</summary>
    /// <param name="model">The server's name of the model; null = the only one it has.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ServerException">It gives no answer, or doesn't have the model.</exception>
    Task<ServerIdentity> InspectAsync(string? model, CancellationToken cancellationToken);

    /// <summary>
    /// Sends a request and hands on its reply part by part as it comes: tokens in order, at most one <see cref="ReplyKind.Usage"/> and
    /// <see cref="ReplyKind.Timings"/>, and <see cref="ReplyKind.End"/> last. The request is written to the connection when the first part
    /// is asked for.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Drops the request and its connection.</param>
    /// <exception cref="ServerException">It failed: refused, cut off, malformed, flooded. Parts that came before were handed
    /// on.</exception>
    IAsyncEnumerable<ReplyPart> GenerateAsync(ServerRequest request, CancellationToken cancellationToken);

    /// <summary>The server's own counters; null when it has none that are known.</summary>
    /// <param name="server">What <see cref="InspectAsync"/> found.</param>
    /// <param name="cancellationToken">Stops.</param>
    Task<ServerCounters?> CountAsync(ServerIdentity server, CancellationToken cancellationToken) => Task.FromResult<ServerCounters?>(null);

    /// <summary>Requests that were sent a second time, because the server closed the kept connection that the first went out on; their
    /// time counts from the first.</summary>
    long Resent => 0;

    /// <summary>Failures behind which a call that sets up was tried again; requests never are.</summary>
    IReadOnlyCollection<string> Retried => [];
}
