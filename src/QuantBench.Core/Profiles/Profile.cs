using System.Collections.Immutable;
using QuantBench.Core.Limits;

namespace QuantBench.Core.Profiles;

/// <summary>How much a metric counts in the ranking of what fits.</summary>
/// <param name="Bound">The limit that gives the metric its scale.</param>
/// <param name="Value">Its weight, above 0.</param>
public sealed record ProfileWeight(Bound Bound, double Value);

/// <summary>A deployment target: hard limits, then a ranking of what keeps them.</summary>
public sealed record Profile
{
    /// <summary>Its name, e.g. <c>phone</c>.</summary>
    public required string Name { get; init; }

    /// <summary>One sentence for people.</summary>
    public string Description { get; init; } = "";

    /// <summary>Hard limits: a variant that breaks one is out.</summary>
    public required ImmutableArray<Bound> Limits { get; init; }

    /// <summary>What counts among those that fit, each measured against its own limit.</summary>
    public required ImmutableArray<ProfileWeight> Weights { get; init; }

    /// <summary>Whether backends that need a server are out; no engine of this build needs one.</summary>
    public bool Offline { get; init; }

    /// <summary>Licences that are allowed; empty = any.</summary>
    public ImmutableArray<string> Licences { get; init; } = [];

    /// <summary>Licences of models by id, for models whose files don't say.</summary>
    public ImmutableSortedDictionary<string, string> ModelLicences { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>This profile with one limit set: it replaces the limit of the same metric and side, and the scale of its weight.</summary>
    /// <param name="bound">The limit.</param>
    public Profile WithLimit(Bound bound)
    {
        ArgumentNullException.ThrowIfNull(bound);
        bool Same(Bound other) => other.Metric == bound.Metric && other.IsMax == bound.IsMax;
        return this with
        {
            Limits = Limits.Any(Same) ? [.. Limits.Select(l => Same(l) ? bound : l)] : [.. Limits, bound],
            Weights = [.. Weights.Select(w => Same(w.Bound) ? w with { Bound = bound } : w)],
        };
    }
}
