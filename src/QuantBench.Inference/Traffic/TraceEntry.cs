namespace QuantBench.Inference.Traffic;

/// <summary>A request of a trace.</summary>
/// <param name="Seconds">When it came, from the first one.</param>
/// <param name="PromptTokens">Length of its prompt.</param>
/// <param name="OutputTokens">Length of its answer.</param>
public readonly record struct TraceEntry(double Seconds, int PromptTokens, int OutputTokens);
