using QuantBench.Core.Errors;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>The server doesn't let this key in, or not there: nothing of what is sent is wrong.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="hint">What to do next.</param>
public sealed class KeyException(string message, string hint) : QuantBenchException(message, hint);
