namespace QuantBench.Engines.OnnxRuntime.Native;

/// <summary>How many nodes of an operator run on an execution provider.</summary>
/// <param name="Provider">E.g. <c>CPUExecutionProvider</c>.</param>
/// <param name="Operator">E.g. <c>MatMulNBits</c>.</param>
/// <param name="Count">Number of nodes.</param>
internal readonly record struct PlacedOperator(string Provider, string Operator, int Count);
