using System.Collections.Immutable;
using QuantBench.Core.Suites;

namespace QuantBench.Lab.Agents;

/// <summary>How far a job is.</summary>
public enum JobState
{
    /// <summary>Waits for its machine, or for any that fits.</summary>
    Queued,

    /// <summary>A machine has it.</summary>
    Leased,

    /// <summary>Every cell has a result.</summary>
    Done,

    /// <summary>It couldn't start, or cells failed; the message says which.</summary>
    Failed,

    /// <summary>Somebody cancelled it.</summary>
    Cancelled,

    /// <summary>It was tried too often without a new result; nobody gets it until an operator releases it.</summary>
    Quarantined,
}

/// <summary>One run that one machine of the lab is to make, with its lease.</summary>
public sealed record Job
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>Number of the queued run that it belongs to.</summary>
    public required long Occurrence { get; init; }

    /// <summary>Key of that queued run.</summary>
    public required string Key { get; init; }

    /// <summary>The machine that it is meant for; null = any that fits.</summary>
    public string? Target { get; init; }

    /// <summary>Name of the suite.</summary>
    public required string Suite { get; init; }

    /// <summary>The suite's text.</summary>
    public required string SuiteText { get; init; }

    /// <summary>Patterns that narrow it; empty = every cell.</summary>
    public ImmutableArray<string> Only { get; init; } = [];

    /// <summary>Tags of the run.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>What the suite says of machines.</summary>
    public required SuitePlacement Placement { get; init; }

    /// <summary>When it was queued, UTC.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>How far it is.</summary>
    public required JobState State { get; init; }

    /// <summary>Counts the times it was handed out: whoever holds an older number writes late.</summary>
    public long Epoch { get; init; }

    /// <summary>Times it was handed out since it last brought a new result.</summary>
    public long Attempts { get; init; }

    /// <summary>The machine that has or last had it.</summary>
    public string? Machine { get; init; }

    /// <summary>That machine's installation.</summary>
    public string? Instance { get; init; }

    /// <summary>The question that its lease answered.</summary>
    public string? Claim { get; init; }

    /// <summary>When the lease ends unless the machine speaks, UTC.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>The run that counts; null before there is one.</summary>
    public string? RunId { get; init; }

    /// <summary>Cells of that run that are here.</summary>
    public long Cells { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>What became of it, in words.</summary>
    public string? Message { get; init; }

    /// <summary>Whether somebody asked for it to stop.</summary>
    public bool Cancel { get; init; }

    /// <summary>Whether nothing more will come of it by itself.</summary>
    public bool IsOver => State is not (JobState.Queued or JobState.Leased);
}

/// <summary>One run that some machine made for a job.</summary>
/// <param name="RunId">The run's id.</param>
/// <param name="Job">The job's id.</param>
/// <param name="Epoch">The number that the machine held.</param>
/// <param name="Machine">The machine.</param>
/// <param name="Standing">Whether it counts.</param>
/// <param name="Cells">Cells of it that are here.</param>
/// <param name="At">When it was first heard of, UTC.</param>
public sealed record JobRun(string RunId, string Job, long Epoch, string Machine, RunStanding Standing, long Cells, DateTimeOffset At);

/// <summary>Whether a run that a machine made for a job counts.</summary>
public enum RunStanding
{
    /// <summary>It is among the results.</summary>
    Current,

    /// <summary>Another one took its place; it is kept apart.</summary>
    Late,
}
