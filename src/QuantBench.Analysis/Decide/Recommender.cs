using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Engines;
using QuantBench.Core.Metrics;
using QuantBench.Core.Profiles;

namespace QuantBench.Analysis.Decide;

/// <summary>
/// Recommends what to ship for a profile. Hard limits first; those that keep all of them are ranked by how much of the limits they use:
/// score = Σ weight · share ÷ Σ weight, share = figure ÷ limit for a maximum and limit ÷ figure for a minimum. A limit that is far off
/// hardly counts, one that is nearly reached counts most, and every share and weight is in the answer.
/// </summary>
public static class Recommender
{
    private const string LicenceKey = "model_licence";

    /// <summary>One recommendation per model of a run.</summary>
    /// <param name="set">The run's candidates.</param>
    /// <param name="profile">The target.</param>
    /// <param name="engines">Says which engines are servers.</param>
    public static ImmutableArray<Recommendation> Recommend(CandidateSet set, Profile profile, EngineCatalog engines)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(engines);
        return [.. set.All.GroupBy(c => c.Model).Select(g => Model(set, profile, engines, g.Key, [.. g]))];
    }

    private static Recommendation Model(CandidateSet set, Profile profile, EngineCatalog engines, string model, Candidate[] candidates)
    {
        Contender[] all = [.. candidates.Select(c => Judge(set, profile, engines, c))];
        ImmutableArray<Contender> ranked = [.. all.Where(c => c.Fits).OrderBy(c => c.Score).ThenBy(c => c.Name, StringComparer.Ordinal)];
        ImmutableArray<Contender> losers = [
            .. all.Where(c => !c.Fits).OrderBy(c => c.Refusals.Length).ThenBy(Miss).ThenBy(c => c.Broken.Length)];
        return new Recommendation
        {
            Model = model,
            Profile = profile,
            Ranked = ranked,
            Losers = losers,
            Ties = ranked.IsEmpty ? [] : [.. ranked.Skip(1).Where(c => Tied(ranked[0], c))],
            Flip = ranked.IsEmpty || ranked[0].Tightest is not { } tightest ? null
                : new Flip(tightest, ranked.Skip(1).FirstOrDefault(c => Beyond(c, tightest))),
            Notes = Notes(set, profile),
        };
    }

    private static Contender Judge(CandidateSet set, Profile profile, EngineCatalog engines, Candidate candidate)
    {
        ImmutableArray<BoundCheck> checks = [.. profile.Limits.Select(l => BoundCheck.Of(l, set.Figure(candidate, l.Metric)))];
        ImmutableArray<string> refusals = [.. Refusals(profile, engines, candidate)];
        if (refusals.Length > 0 || checks.Any(c => !c.Keeps))
            return new Contender(candidate, set.Name(candidate), checks, refusals, null, 0);
        double weights = profile.Weights.Sum(w => w.Value);
        double score = 0;
        double variance = 0;
        foreach (ProfileWeight weight in profile.Weights)
        {
            BoundCheck check = checks.First(c => c.Bound == weight.Bound); // a weight's bound is one of the limits
            double share = weight.Value / weights;
            score += share * (check.Use ?? 0);
            variance += share * share * check.UseError * check.UseError;
        }

        return new Contender(candidate, set.Name(candidate), checks, refusals, score, Math.Sqrt(variance));
    }

    private static IEnumerable<string> Refusals(Profile profile, EngineCatalog engines, Candidate candidate)
    {
        if (profile.Offline && engines.Find(candidate.Backend.Engine) is { IsRemote: true })
            yield return $"the profile is offline only, and {candidate.Backend} needs a server";
        if (profile.Licences.IsEmpty) yield break;
        string? licence = profile.ModelLicences.GetValueOrDefault(candidate.Model)
            ?? candidate.Cells.Select(c => c.Provenance.GetValueOrDefault(LicenceKey)).FirstOrDefault(l => l is not null);
        if (licence is null)
            yield return $"its licence isn't known (allowed: {string.Join(", ", profile.Licences)}); name it under model_licences in the "
                + "profile";
        else if (!profile.Licences.Contains(licence, StringComparer.OrdinalIgnoreCase))
            yield return $"its licence is {licence}; allowed: {string.Join(", ", profile.Licences)}";
    }

    // The largest share of a limit is how far it is from fitting; a figure that is missing can't be mended by moving a limit.
    private static double Miss(Contender contender) =>
        contender.Broken.Select(b => b.Use ?? double.PositiveInfinity).DefaultIfEmpty(1).Max();

    private static bool Tied(Contender pick, Contender other)
    {
        double error = Math.Sqrt((pick.ScoreError * pick.ScoreError) + (other.ScoreError * other.ScoreError));
        return other.Score - pick.Score <= Estimates.Estimate.Normal975 * error;
    }

    // Whether a candidate would still fit if the limit were tighter than the pick's figure.
    private static bool Beyond(Contender other, BoundCheck pick) =>
        other.Checks.First(c => c.Bound == pick.Bound).Figure.Value is { } value && pick.Figure.Value is { } picked
            && (pick.Bound.IsMax ? value < picked : value > picked);

    private static ImmutableArray<string> Notes(CandidateSet set, Profile profile)
    {
        var notes = ImmutableArray.CreateBuilder<string>();
        notes.AddRange(profile.Limits.Select(l => set.Choice(l.Metric)).OfType<string>().Distinct());
        if (profile.Limits.Any(l => l.Metric.Definition.Kind == MetricKind.Timing))
        {
            Core.Runs.Fingerprint machine = set.Run.Info.Fingerprint;
            notes.Add(
                $"Speeds are those of the machine the run was made on ({machine.Cpu}, "
                    + $"{machine.LogicalCores.ToString(CultureInfo.InvariantCulture)} cores), not of a {profile.Name}: measure on the "
                    + "target before shipping to it. Quality and artifact sizes carry over.");
        }

        return notes.ToImmutable();
    }
}
