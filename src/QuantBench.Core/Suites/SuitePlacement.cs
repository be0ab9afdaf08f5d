using System.Collections.Immutable;

namespace QuantBench.Core.Suites;

/// <summary>Which of two runs of one job counts, when a machine that was given up comes back.</summary>
public enum Reconcile
{
    /// <summary>The one that replaced it; what the first machine sends late is kept apart.</summary>
    KeepReplacement,

    /// <summary>The first machine's, once it is whole; the replacement is kept apart then.</summary>
    KeepOriginal,

    /// <summary>Both are results.</summary>
    KeepBoth,
}

/// <summary>Which machines of a lab run a suite, and what happens when one of them falls silent.</summary>
public sealed record SuitePlacement
{
    /// <summary>Names of the machines, each of which makes a run of its own; empty = every living machine with the labels.</summary>
    public ImmutableArray<string> Machines { get; init; } = [];

    /// <summary>Rules that a machine's labels must keep.</summary>
    public ImmutableArray<string> Labels { get; init; } = [];

    /// <summary>Whether one machine is enough: the first that is free.</summary>
    public bool Any { get; init; }

    /// <summary>Higher goes first on a machine.</summary>
    public int Priority { get; init; }

    /// <summary>How long a machine may be silent behind the end of its lease before its run counts as lost.</summary>
    public TimeSpan LostAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Whether another machine that keeps the labels takes a lost run over.</summary>
    public bool Replace { get; init; }

    /// <summary>Which run counts when the first machine comes back all the same.</summary>
    public Reconcile Reconcile { get; init; }
}
