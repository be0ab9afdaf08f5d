namespace QuantBench.Inference.Evaluators;

/// <summary>What came of an item.</summary>
/// <param name="Right">Whether it is right.</param>
/// <param name="Text">The answer, or the number of the choice, from 0.</param>
internal readonly record struct TaskAnswer(bool Right, string Text);
