namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>Shape of one run: sequences <c>First</c> to <c>First + Count − 1</c>, each with the same number of new tokens.</summary>
/// <param name="First">First sequence.</param>
/// <param name="Count">Number of sequences.</param>
/// <param name="Tokens">New tokens of each, padding included.</param>
/// <param name="MaskLength">Length of the attention mask; what a graph takes for the total length.</param>
internal readonly record struct RunShape(int First, int Count, int Tokens, int MaskLength);
