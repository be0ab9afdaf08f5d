using System.Collections.Immutable;

namespace QuantBench.Runner.Runs;

/// <summary>What the command line adds to a suite.</summary>
public sealed record RunOptions
{
    /// <summary>Cells to keep, as <see cref="CellFilter"/> reads them; empty = all.</summary>
    public ImmutableArray<string> Only { get; init; } = [];

    /// <summary>CPU threads of every cell; null = as the suite says.</summary>
    public int? Threads { get; init; }

    /// <summary>Free labels.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>Told a new run's id before its folder is made, so that whoever keeps the id finds the run again and no other;
    /// null = nobody.</summary>
    public Action<string>? Begins { get; init; }

    /// <summary>On resume: measure failed cells again.</summary>
    public bool RetryFailed { get; init; }

    /// <summary>On resume: go on although the machine, a model, a text or an engine changed.</summary>
    public bool Force { get; init; }
}
