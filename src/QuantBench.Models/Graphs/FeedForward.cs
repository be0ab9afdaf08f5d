namespace QuantBench.Models.Graphs;

/// <summary>A gated feed-forward part.</summary>
/// <param name="Gate">Gate.</param>
/// <param name="Up">Up-projection.</param>
/// <param name="Down">Down-projection.</param>
public sealed record FeedForward(Linear Gate, Linear Up, Linear Down);
