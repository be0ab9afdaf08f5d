namespace QuantBench.Inference.Tasks;

/// <summary>What a task's evaluator is given.</summary>
/// <param name="Set">The items.</param>
/// <param name="Tokens">Their tokens; null where nothing here says how a text is tokenized.</param>
public sealed record TaskInput(TaskSet Set, TaskTokens? Tokens);
