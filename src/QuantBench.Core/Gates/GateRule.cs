using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Limits;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Gates;

/// <summary>What decides a gate whose interval lies on both sides of the limit.</summary>
public enum UnsurePolicy
{
    /// <summary>The estimate decides; the summary says that it isn't shown.</summary>
    Estimate,

    /// <summary>The gate passes unless the interval shows it broken: few false alarms.</summary>
    Pass,

    /// <summary>The gate fails unless the interval shows it kept: few false releases.</summary>
    Fail,
}

/// <summary>What a relative gate is relative to.</summary>
public enum GateBase
{
    /// <summary>Nothing: the limit is on the figure itself.</summary>
    None,

    /// <summary>Another variant of the same run, model, backend and settings.</summary>
    Variant,

    /// <summary>The same cell of a stored baseline run.</summary>
    Baseline,
}

/// <summary>A rule that a run must keep.</summary>
public sealed record GateRule
{
    /// <summary>Its name in summaries.</summary>
    public required string Name { get; init; }

    /// <summary>Which variants it is about: each that matches must keep it.</summary>
    public required CellRule Where { get; init; }

    /// <summary>The metric.</summary>
    public required MetricSelector Metric { get; init; }

    /// <summary>One or two limits; all relative, or none.</summary>
    public required ImmutableArray<Bound> Bounds { get; init; }

    /// <summary>What a relative limit is relative to.</summary>
    public GateBase Base { get; init; }

    /// <summary>The base when <see cref="Base"/> is a variant.</summary>
    public Variant? BaseVariant { get; init; }

    /// <summary>What decides when the interval can't.</summary>
    public UnsurePolicy Unsure { get; init; }

    /// <summary>Where it was written: file and line.</summary>
    public required string Place { get; init; }
}
