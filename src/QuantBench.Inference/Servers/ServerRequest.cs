using System.Collections.Immutable;

namespace QuantBench.Inference.Servers;

/// <summary>A request for generated text, in no protocol's words.</summary>
public sealed record ServerRequest
{
    /// <summary>The server's name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The conversation so far, the user's turn last; empty when there is a <see cref="Prompt"/>.</summary>
    public required ImmutableArray<ServerMessage> Messages { get; init; }

    /// <summary>A text to go on with as it stands, without the model's chat template; null for a conversation.</summary>
    public string? Prompt { get; init; }

    /// <summary>Text at which the answer ends; null = none. Servers that can't do that ignore it.</summary>
    public string? Stop { get; init; }

    /// <summary>Most tokens to generate.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Whether the model shall go on to <see cref="MaxTokens"/> even when it wants to stop; servers that can't do that ignore
    /// it.</summary>
    public bool IgnoreStop { get; init; }

    /// <summary>Temperature; 0 = the most likely token.</summary>
    public double Temperature { get; init; }

    /// <summary>Seed of sampling; null = the server's own.</summary>
    public long? Seed { get; init; }
}

/// <summary>A turn of a conversation.</summary>
/// <param name="Role"><c>system</c>, <c>user</c> or <c>assistant</c>.</param>
/// <param name="Text">What it says.</param>
public readonly record struct ServerMessage(string Role, string Text);
