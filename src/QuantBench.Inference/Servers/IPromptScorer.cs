using QuantBench.Core.Errors;

namespace QuantBench.Inference.Servers;

/// <summary>
/// Ability of a client: log-probabilities of the tokens of a text, which quality is measured by. They are the model's own: natural
/// logarithms of the softmax over all logits, before any sampling.
/// </summary>
public interface IPromptScorer
{
    /// <summary>Whether the server gives them.</summary>
    /// <param name="server">What <see cref="IServerClient.InspectAsync"/> found.</param>
    /// <param name="rows">Whether those of the whole vocabulary are wanted at every position.</param>
    Support CanScore(ServerIdentity server, bool rows);

    /// <summary>How many texts the server works on at once; lanes count from 0.</summary>
    /// <param name="server">What <see cref="IServerClient.InspectAsync"/> found.</param>
    int Lanes(ServerIdentity server);

    /// <summary>Scores a text.</summary>
    /// <param name="prompt">The text and what is wanted of it.</param>
    /// <param name="handle">Called once for each scored position, in order, from any thread.</param>
    /// <param name="cancellationToken">Drops the requests.</param>
    /// <exception cref="ServerException">A request failed, or the reply lacks what was asked for.</exception>
    Task ScoreAsync(PromptToScore prompt, ScorePrompt handle, CancellationToken cancellationToken);
}

/// <summary>A text to score.</summary>
/// <param name="Server">What runs it.</param>
/// <param name="Lane">Which of the server's places it takes; one text at a time in each.</param>
/// <param name="Tokens">Token ids, at least <paramref name="First"/> + 2.</param>
/// <param name="First">First scored position; it predicts the token behind it. The last one is the last token but one.</param>
/// <param name="Rows">Whether the log-probabilities of the whole vocabulary are wanted.</param>
public sealed record PromptToScore(ServerIdentity Server, int Lane, ReadOnlyMemory<int> Tokens, int First, bool Rows);

/// <summary>Takes the log-probabilities of a position.</summary>
/// <param name="position">The position.</param>
/// <param name="next">Log-probability of the token that really follows, in nats.</param>
/// <param name="row">[vocabulary] of all tokens; empty when they weren't asked for.</param>
public delegate void ScorePrompt(int position, double next, ReadOnlySpan<float> row);
