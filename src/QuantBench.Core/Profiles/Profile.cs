using System.Collections.Immutable;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;

namespace QuantBench.Core.Profiles;

/// <summary>A deployment target: hard limits, and what is preferred among variants that keep them all.</summary>
public sealed record Profile
{
    /// <summary>Its name, e.g. <c>phone</c>.</summary>
    public required string Name { get; init; }

    /// <summary>One sentence for people.</summary>
    public string Description { get; init; } = "";

    /// <summary>Hard limits: a variant that breaks one is out. Those on quality are the loss that is tolerated.</summary>
    public required ImmutableArray<Bound> Limits { get; init; }

    /// <summary>
    /// What is preferred among variants that keep every limit: by the first metric, those that can't be told apart on it by the next.
    /// </summary>
    public ImmutableArray<MetricSelector> Prefer { get; init; } =
        [MetricSelector.Of(MetricTable.ArtifactSize), MetricSelector.Of(MetricTable.GenerationSpeed)];

    /// <summary>Fewest weights of a model that it is meant for; null = any.</summary>
    public double? LeastParameters { get; init; }

    /// <summary>Most weights of a model that it is meant for; null = any.</summary>
    public double? MostParameters { get; init; }

    /// <summary>Whether its file weights limits, as the files of earlier builds did: nothing is weighted any more.</summary>
    public bool HasWeights { get; init; }

    /// <summary>Whether backends that need a server are out.</summary>
    public bool Offline { get; init; }

    /// <summary>Licences that are allowed; empty = any.</summary>
    public ImmutableArray<string> Licences { get; init; } = [];

    /// <summary>Licences of models by id, for models whose files don't say.</summary>
    public ImmutableSortedDictionary<string, string> ModelLicences { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>This profile with one limit set: it replaces the limit of the same metric and side.</summary>
    /// <param name="bound">The limit.</param>
    public Profile WithLimit(Bound bound)
    {
        ArgumentNullException.ThrowIfNull(bound);
        bool Same(Bound other) => other.Metric == bound.Metric && other.IsMax == bound.IsMax;
        return this with { Limits = Limits.Any(Same) ? [.. Limits.Select(l => Same(l) ? bound : l)] : [.. Limits, bound] };
    }
}
