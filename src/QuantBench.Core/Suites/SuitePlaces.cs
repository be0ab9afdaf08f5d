using System.Collections.Immutable;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Suites;

/// <summary>Where the parts of a suite were written, for faults in how they go together.</summary>
/// <param name="Root">The suite.</param>
/// <param name="Variants">Its variants, as <see cref="Suite.Variants"/>.</param>
/// <param name="Workloads">Its workloads, as <see cref="Suite.Workloads"/>.</param>
/// <param name="Include">Its rules, as <see cref="Suite.Include"/>.</param>
/// <param name="Exclude">Its rules, as <see cref="Suite.Exclude"/>.</param>
/// <param name="CalibrationDataset">The dataset of its importance matrices; null when it names none.</param>
internal sealed record SuitePlaces(
    SuiteMap Root, ImmutableArray<SuiteNode> Variants, ImmutableArray<SuiteNode> Workloads, ImmutableArray<SuiteMap> Include,
    ImmutableArray<SuiteMap> Exclude, SuiteNode? CalibrationDataset)
{
    /// <summary>Its backends, as <see cref="Suite.Backends"/>.</summary>
    public ImmutableArray<SuiteNode> Backends { get; init; } = [];
}
