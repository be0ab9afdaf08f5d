using System.Collections.Immutable;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>A job as its machine keeps it until the server has all of it.</summary>
public sealed record JournalEntry
{
    /// <summary>Name of its file: the job's id, or what stands for one until the server gives it.</summary>
    public required string Name { get; init; }

    /// <summary>The job's id; null while the server doesn't know of it.</summary>
    public string? Job { get; init; }

    /// <summary>The number that goes with everything that is sent.</summary>
    public long Epoch { get; init; }

    /// <summary>Key of the queued run.</summary>
    public required string Key { get; init; }

    /// <summary>Name of the suite.</summary>
    public required string Suite { get; init; }

    /// <summary>The suite's text.</summary>
    public required string SuiteText { get; init; }

    /// <summary>Patterns that narrow it.</summary>
    public ImmutableArray<string> Only { get; init; } = [];

    /// <summary>Tags of the run.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>The schedule whose time it is, when it began without a link; null otherwise.</summary>
    public string? Schedule { get; init; }

    /// <summary>That time.</summary>
    public DateTimeOffset? Due { get; init; }

    /// <summary>The run; null before it has begun.</summary>
    public string? RunId { get; init; }

    /// <summary>Whether the server knows of the run.</summary>
    public bool Begun { get; init; }

    /// <summary>Lines of the run that the server has.</summary>
    public int Sent { get; init; }

    /// <summary>How it ended, in the words of <see cref="AgentEnd.State"/>; null while it runs.</summary>
    public string? Ended { get; init; }

    /// <summary>What became of it; null when all went well.</summary>
    public string? Message { get; init; }
}
