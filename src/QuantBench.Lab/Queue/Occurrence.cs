using System.Collections.Immutable;

namespace QuantBench.Lab.Queue;

/// <summary>How far a queued run is.</summary>
public enum OccurrenceState
{
    /// <summary>Waits for its turn.</summary>
    Due,

    /// <summary>Is being measured, or the server died while it was: then the next server goes on with it.</summary>
    Running,

    /// <summary>Every cell has a result.</summary>
    Done,

    /// <summary>It couldn't start, or cells failed; the message says which.</summary>
    Failed,

    /// <summary>Its time passed while the server was down or busy, and the catch-up policy leaves it out.</summary>
    Missed,

    /// <summary>Somebody cancelled it.</summary>
    Cancelled,
}

/// <summary>One run that is to be, or was, made by the queue: a time of a schedule, or a request.</summary>
public sealed record Occurrence
{
    /// <summary>Its number.</summary>
    public required long Id { get; init; }

    /// <summary>Unique key, e.g. <c>nightly@20261124T023000Z</c>; also a tag of its run.</summary>
    public required string Key { get; init; }

    /// <summary>The schedule's name; null for a request.</summary>
    public string? Schedule { get; init; }

    /// <summary>Absolute path of the suite.</summary>
    public required string Suite { get; init; }

    /// <summary>Patterns that narrow the suite; empty = every cell.</summary>
    public ImmutableArray<string> Only { get; init; } = [];

    /// <summary>When it is due, UTC.</summary>
    public required DateTimeOffset Due { get; init; }

    /// <summary>How far it is.</summary>
    public required OccurrenceState State { get; init; }

    /// <summary>Its run, once there is one.</summary>
    public string? RunId { get; init; }

    /// <summary>When it started.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>What became of it, in words.</summary>
    public string? Message { get; init; }

    /// <summary>Who asked for it.</summary>
    public required string Actor { get; init; }

    /// <summary>The tag its run carries.</summary>
    public string Tag => "queue:" + Key;
}
