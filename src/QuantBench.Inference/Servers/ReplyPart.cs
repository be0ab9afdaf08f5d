namespace QuantBench.Inference.Servers;

/// <summary>What a part of a reply is.</summary>
public enum ReplyKind
{
    /// <summary>Text of the answer.</summary>
    Token,

    /// <summary>Text of reasoning before the answer.</summary>
    Reasoning,

    /// <summary>The server's count of tokens.</summary>
    Usage,

    /// <summary>The server's own times.</summary>
    Timings,

    /// <summary>The reply is complete; its text is why it ended, e.g. <c>stop</c> or <c>length</c>.</summary>
    End,
}

/// <summary>A part of a reply, as it came in one event of the stream.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Text of tokens, or the reason of the end; empty otherwise.</param>
/// <param name="Tokens">Tokens in it as far as the server says; 1 where it doesn't, 0 for other kinds.</param>
/// <param name="Usage">The count, for <see cref="ReplyKind.Usage"/>.</param>
/// <param name="Timings">The times, for <see cref="ReplyKind.Timings"/>.</param>
public readonly record struct ReplyPart(
    ReplyKind Kind, string Text, int Tokens, ServerUsage? Usage = null, ServerTimings? Timings = null);

/// <summary>Tokens of a request by the server's count; null = not said.</summary>
/// <param name="Prompt">Tokens of the prompt, cached ones included.</param>
/// <param name="Cached">Tokens of the prompt that were taken from a cache.</param>
/// <param name="Generated">Tokens generated, reasoning included.</param>
/// <param name="Reasoning">Tokens of reasoning among them.</param>
public sealed record ServerUsage(int? Prompt, int? Cached, int? Generated, int? Reasoning);

/// <summary>Times of a request by the server's clock in milliseconds; null = not said.</summary>
/// <param name="LoadMs">Loading the model.</param>
/// <param name="QueueMs">Waiting before the prompt was looked at.</param>
/// <param name="PromptMs">Processing the prompt.</param>
/// <param name="GenerateMs">Generating.</param>
/// <param name="TotalMs">All of it.</param>
public sealed record ServerTimings(double? LoadMs, double? QueueMs, double? PromptMs, double? GenerateMs, double? TotalMs);
