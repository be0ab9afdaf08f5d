using System.Collections.Immutable;
using QuantBench.Core.Limits;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Claims;

/// <summary>What a claim says that can be measured. All of a claim's tests must hold.</summary>
public abstract record ClaimTest
{
    private ClaimTest()
    {
    }

    /// <summary>Patterns of the variants that it is about.</summary>
    public required ImmutableArray<string> Variants { get; init; }

    /// <summary>Each variant's metric differs from the base's by this much.</summary>
    /// <param name="Metric">The metric.</param>
    /// <param name="Bounds">One or two limits, relative.</param>
    public sealed record Change(MetricSelector Metric, ImmutableArray<Bound> Bounds) : ClaimTest;

    /// <summary>Each variant's metric lies within limits.</summary>
    /// <param name="Metric">The metric.</param>
    /// <param name="Bounds">One or two limits.</param>
    public sealed record Figure(MetricSelector Metric, ImmutableArray<Bound> Bounds) : ClaimTest;

    /// <summary>The best of the variants is better than each of <paramref name="Among"/>.</summary>
    /// <param name="Metric">The metric.</param>
    /// <param name="Among">Patterns of the variants it is held against; those of <see cref="Variants"/> themselves don't count.</param>
    public sealed record Best(MetricSelector Metric, ImmutableArray<string> Among) : ClaimTest;

    /// <summary>Each variant is on the Pareto front of the metrics.</summary>
    /// <param name="Metrics">The axes.</param>
    public sealed record Frontier(ImmutableArray<MetricSelector> Metrics) : ClaimTest;

    /// <summary>Reads which case it is.</summary>
    public T Match<T>(Func<Change, T> change, Func<Figure, T> figure, Func<Best, T> best, Func<Frontier, T> frontier) => this switch
    {
        Change c => change(c),
        Figure f => figure(f),
        Best b => best(b),
        Frontier f => frontier(f),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

/// <summary>A claim people make, with its measurable form.</summary>
public sealed record Claim
{
    /// <summary>Short id, e.g. <c>q4-0-size</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The claim in words, as people make it.</summary>
    public required string Text { get; init; }

    /// <summary>What it was made to mean, where that needs saying.</summary>
    public string Note { get; init; } = "";

    /// <summary>Bases that differences are taken from; the claim is judged once for each. Empty when no test needs one.</summary>
    public ImmutableArray<Variant> Bases { get; init; } = [];

    /// <summary>What must hold.</summary>
    public required ImmutableArray<ClaimTest> Tests { get; init; }

    /// <summary>Pattern of the backends that it is about; null = any.</summary>
    public string? Backend { get; init; }

    /// <summary>Largest model it is about, in weights; null = any.</summary>
    public double? MostParameters { get; init; }
}
