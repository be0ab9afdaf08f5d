using System.Collections.Immutable;

namespace QuantBench.Lab.Agents;

/// <summary>A machine of the lab, as its agent last spoke of it.</summary>
public sealed record Machine
{
    /// <summary>Its name: that of its key.</summary>
    public required string Name { get; init; }

    /// <summary>Tells its installation from another one that has the same key.</summary>
    public required string Instance { get; init; }

    /// <summary>Version of its QuantBench.</summary>
    public required string Version { get; init; }

    /// <summary>What it is told by.</summary>
    public required ImmutableArray<string> Labels { get; init; }

    /// <summary>What it says of its state, e.g. <c>busy_share</c> → share of the CPU that others keep busy.</summary>
    public required ImmutableSortedDictionary<string, double> Health { get; init; }

    /// <summary>When it was first seen, UTC.</summary>
    public required DateTimeOffset First { get; init; }

    /// <summary>When it was last heard of, UTC by the server's clock.</summary>
    public required DateTimeOffset Seen { get; init; }

    /// <summary>Whether it gets no new jobs.</summary>
    public bool Drained { get; init; }

    /// <summary>Why it gets none.</summary>
    public string Note { get; init; } = "";

    /// <summary>Why it takes no jobs by itself; null while it is fit for them.</summary>
    public MachineUnfit? Unfit { get; init; }

    /// <summary>Whether it may get new jobs.</summary>
    public bool IsOpen => !Drained && Unfit is null;

    /// <summary>Whether it was heard of lately.</summary>
    /// <param name="now">Now.</param>
    public bool IsAlive(DateTimeOffset now) => now - Seen < LeaseTimes.Alive;
}
