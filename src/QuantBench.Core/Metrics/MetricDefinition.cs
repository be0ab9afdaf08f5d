using System.Collections.Immutable;

namespace QuantBench.Core.Metrics;

/// <summary>One metric.</summary>
/// <param name="Name">The name, the same in files, store, command line and pages.</param>
/// <param name="Unit">SI unit: <c>1</c>, <c>bit/B</c>, <c>nat</c>, <c>token/s</c>, <c>1/s</c>, <c>ms</c>, <c>B</c>, <c>bit</c>,
/// <c>B/s</c>, <c>FLOP/s</c>. Bytes are printed in multiples of themselves, bytes and operations per second in billions.</param>
/// <param name="Direction">Which way is better.</param>
/// <param name="Kind">What it is about.</param>
/// <param name="Title">Short title for axes and lines of text, without the unit.</param>
/// <param name="Description">One sentence for help texts and tooltips.</param>
public sealed record MetricDefinition(string Name, string Unit, Direction Direction, MetricKind Kind, string Title, string Description)
{
    /// <summary>Place among the metrics that pages offer first, from 1; null when it stands behind those, in the table's order.</summary>
    public int? Headline { get; init; }

    /// <summary>Its column in the table of a run; null when it has none.</summary>
    public MetricColumn? Column { get; init; }

    /// <summary>Names of the workloads that it is taken from where several measure it, the first one first; its column is of these
    /// alone.</summary>
    public ImmutableArray<string> From { get; init; } = [];

    /// <summary>Whether it is counted from the artifact or from what the engine allocates, and so has no error.</summary>
    public bool IsExact { get; init; }

    /// <summary>Whether it is a share, printed as per cent.</summary>
    public bool IsShare { get; init; }

    /// <summary>Whether it is a relative difference, printed as per cent with its sign.</summary>
    public bool IsChange { get; init; }

    /// <summary>Whether it lies around 0, where a relative difference means nothing: two figures are compared by their plain
    /// difference.</summary>
    public bool IsAroundZero { get; init; }

    /// <summary>Whether its 90th, 95th and 99th percentile are metrics that decisions may name.</summary>
    public bool HasPercentiles { get; init; }

    /// <summary>Whether changes of its level wait to be acknowledged.</summary>
    public bool IsWatched { get; init; }

    /// <summary>What it is for the reference itself, by definition: 0 of a distance, 1 of an agreement; null when it isn't held against
    /// one.</summary>
    public double? OfReference { get; init; }

    /// <summary>Whether it is written in per cent.</summary>
    public bool IsPercent => IsShare || IsChange;
}
