using System.Collections.Immutable;

namespace QuantBench.Inference.Tasks;

/// <summary>One item of a task: a prompt with the answers that are right, or choices of which one is.</summary>
/// <param name="Id">Its name within the set.</param>
/// <param name="Kind">What it asks for; accuracy is also told by it.</param>
public sealed record TaskItem(string Id, string Kind)
{
    /// <summary>The prompt that the model goes on with; empty for choices.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>Answers that are right; empty for choices.</summary>
    public ImmutableArray<string> Answers { get; init; } = [];

    /// <summary>The choices; empty where an answer is generated.</summary>
    public ImmutableArray<TaskChoice> Choices { get; init; } = [];

    /// <summary>Number of the right choice, from 0.</summary>
    public int Gold { get; init; }

    /// <summary>Whether it has choices.</summary>
    public bool IsChoice => !Choices.IsEmpty;
}

/// <summary>A choice: a text that follows a context. The text with its context is tokenized as a whole.</summary>
/// <param name="Context">What stands before; the same in all choices of most items.</param>
/// <param name="Text">What is scored, a space in front included where there is one.</param>
public readonly record struct TaskChoice(string Context, string Text);
