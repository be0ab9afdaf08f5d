namespace QuantBench.Models.Architectures;

/// <summary>How a token's experts are chosen and weighed.</summary>
/// <param name="Weights">What ratings become.</param>
public sealed record ExpertRouting(ExpertWeights Weights)
{
    /// <summary>Ratings pass the logistic function each by itself, instead of a softmax over all.</summary>
    public bool IsLogistic { get; init; }

    /// <summary>Groups of experts, of which a token sees some; 1 = it sees all.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Groups that a token sees: those whose two best experts are the best.</summary>
    public int GroupsUsed { get; init; } = 1;

    /// <summary>Factor of the weights.</summary>
    public float Scale { get; init; } = 1;
}
