namespace QuantBench.Engines.Managed.Graph;

/// <summary>Consecutive tokens of one sequence inside a micro-batch, few enough for one attention tile.</summary>
/// <param name="First">Index of the first token.</param>
/// <param name="Count">Number of tokens.</param>
/// <param name="Sequence">Their sequence.</param>
/// <param name="Position">Position of the first.</param>
internal readonly record struct TokenRun(int First, int Count, int Sequence, int Position);
