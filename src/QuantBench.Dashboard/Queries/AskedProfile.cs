using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using QuantBench.Analysis.Decide;
using QuantBench.Core.Errors;
using QuantBench.Core.Limits;
using QuantBench.Core.Profiles;
using QuantBench.Dashboard.Matrix;

namespace QuantBench.Dashboard.Queries;

/// <summary>A profile with the limits that an address changes; the page and the files of its figure read them alike.</summary>
internal static class AskedProfile
{
    /// <summary>The profile of a name with the limits of a query.</summary>
    /// <exception cref="RequestException">There is no such profile.</exception>
    public static Profile Asked(this DecisionQueries queries, string name, IQueryCollection? query)
    {
        Profile profile = queries.Profile(name);
        foreach (Bound bound in profile.Limits)
        {
            (string _, double divisor) = MatrixBuilder.UnitFor(bound.Metric.Definition, bound.Limit);
            if (double.TryParse(query?[LimitField.ParameterOf(bound)], NumberStyles.Float, CultureInfo.InvariantCulture, out double given)
                && double.IsFinite(given) && given > 0)
                profile = profile.WithLimit(bound with { Limit = given * divisor * LimitField.Factor(bound) });
        }

        return profile;
    }

    /// <summary>What to ship under a profile, one answer per model of the run; empty when the run is gone.</summary>
    public static async Task<ImmutableArray<Recommendation>> AnswersAsync(this DecisionQueries queries, string run, Profile profile,
        CancellationToken stop) =>
        await queries.CandidatesAsync(run, stop) is { } set ? queries.Recommend(set, profile) : [];

    /// <summary>The limits of an address, to be carried into another.</summary>
    public static IEnumerable<(string Name, string? Value)> LimitsOf(IQueryCollection? query) =>
        (query ?? QueryCollection.Empty).Where(q => q.Key.StartsWith("limit.", StringComparison.Ordinal))
            .Select(q => (q.Key, (string?)q.Value.ToString()));
}
