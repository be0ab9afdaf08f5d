using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Compare;

/// <summary>What a comparison of two figures comes to.</summary>
public enum Verdict
{
    /// <summary>B is better, and the interval says so.</summary>
    Better,

    /// <summary>B is worse, and the interval says so.</summary>
    Worse,

    /// <summary>B differs, and the metric has no better direction.</summary>
    Different,

    /// <summary>The interval holds no difference as well as one, or the corrected test fails.</summary>
    NotToldApart,

    /// <summary>Nobody knows how far off the figures are: one observation a side, no error recorded, or other work is in one.</summary>
    NoErrorKnown,

    /// <summary>Exactly the same figure on both sides: counted, or computed from the same numbers.</summary>
    Equal,

    /// <summary>The figures mean different things; the note says what differs.</summary>
    NotComparable,
}

/// <summary>One metric of one cell on both sides.</summary>
public sealed record MetricComparison
{
    /// <summary>What the two cells have in common, e.g. <c>reference gguf:Q4_0 llamacpp/cpu latency</c>.</summary>
    public required string Cell { get; init; }

    /// <summary>The metric.</summary>
    public required MetricDefinition Metric { get; init; }

    /// <summary>The figure of side A, the base.</summary>
    public required Measurement A { get; init; }

    /// <summary>The figure of side B.</summary>
    public required Measurement B { get; init; }

    /// <summary>Backend of side A; null where the figures aren't those of cells.</summary>
    public BackendId? Backend { get; init; }

    /// <summary>Workload of the cells; empty where the figures aren't those of cells.</summary>
    public string Workload { get; init; } = "";

    /// <summary>Variant of side A; null where cells of one variant each are not what is compared.</summary>
    public Variant? VariantA { get; init; }

    /// <summary>Variant of side B.</summary>
    public Variant? VariantB { get; init; }

    /// <summary>Precision class of side A; null where its variant is.</summary>
    public PrecisionClass? ClassA { get; init; }

    /// <summary>Precision class of side B; null where its variant is.</summary>
    public PrecisionClass? ClassB { get; init; }

    /// <summary>
    /// B / A − 1; null when not comparable or A is 0. Where samples were compared it is the Hodges–Lehmann estimate of the ratio, which is
    /// near the ratio of the two medians but not the same figure.
    /// </summary>
    public double? Difference { get; init; }

    /// <summary>By how much, as a logarithm, the yardstick ran slower or faster beside one cell than beside the other; 0 when it didn't, or
    /// that isn't known.</summary>
    public double Drift { get; init; }

    /// <summary>Whether <see cref="Difference"/> is B − A in the metric's unit, because the metric lies around 0, instead of a relative
    /// one.</summary>
    public bool Absolute { get; init; }

    /// <summary>95 % interval of <see cref="Difference"/>; null for exact figures and where no error is known.</summary>
    public Interval? Interval { get; init; }

    /// <summary>Two-sided p-value of the test that the interval belongs to; null for exact figures and where no error is known.</summary>
    public double? PValue { get; init; }

    /// <summary><see cref="PValue"/> adjusted by Benjamini–Hochberg over everything the comparison tests.</summary>
    public double? AdjustedP { get; init; }

    /// <summary>Cliff's delta where samples were compared: P(b &gt; a) − P(b &lt; a), −1 to 1.</summary>
    public double? Effect { get; init; }

    /// <summary>What differs between the arithmetic of the two figures; null when nothing is known to.</summary>
    internal string? Arithmetic { get; init; }

    /// <summary>What it comes to.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>How it was compared, or why it couldn't be.</summary>
    public required string Note { get; init; }
}

/// <summary>Two runs, or parts of them, compared.</summary>
/// <param name="A">Name of side A, the base.</param>
/// <param name="B">Name of side B.</param>
/// <param name="Differing">What differs between the two machines and builds so that timings can't be compared; empty when they can.</param>
/// <param name="Rows">One per metric that both sides measured: worse first, then better, then the undecided, larger differences
/// first.</param>
/// <param name="OnlyA">Cells that only A measured.</param>
/// <param name="OnlyB">Cells that only B measured.</param>
public sealed record RunComparison(
    string A, string B, ImmutableArray<string> Differing, ImmutableArray<MetricComparison> Rows, ImmutableArray<string> OnlyA,
    ImmutableArray<string> OnlyB)
{
    /// <summary>Number of rows of a verdict.</summary>
    public int Count(Verdict verdict) => Rows.Count(r => r.Verdict == verdict);
}
