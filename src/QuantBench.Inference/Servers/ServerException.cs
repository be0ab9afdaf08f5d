using QuantBench.Core.Errors;

namespace QuantBench.Inference.Servers;

/// <summary>A request to a server that failed.</summary>
/// <param name="fault">Which kind.</param>
/// <param name="message">What is wrong; no secret in it.</param>
/// <param name="hint">What to do next.</param>
/// <param name="inner">The cause, if another exception was it.</param>
public sealed class ServerException(ServerFault fault, string message, string? hint = null, Exception? inner = null)
    : QuantBenchException(message, hint, inner)
{
    /// <summary>Which kind.</summary>
    public ServerFault Fault { get; } = fault;

    /// <summary>How long the server asks to wait before another try; null = it doesn't say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
