using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Engines;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;
using QuantBench.Core.Profiles;

namespace QuantBench.Analysis.Decide;

/// <summary>
/// Recommends what to ship for a profile. Hard limits first, those on quality among them: what loses more than is tolerated is out. Of the
/// rest the one that the profile prefers, the smallest or the fastest; on a metric that doesn't tell variants apart, by the next. How
/// little of a limit a variant uses counts nothing: a limit is there to be kept.
/// </summary>
public static class Recommender
{
    private const string LicenceKey = "model_licence";
    private const double SingleNoise = 0.1; // relative
    private const double Rounding = 0.1; // of models' sizes in their names

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

    private static Recommendation Model(CandidateSet set, Profile asked, EngineCatalog engines, string model, Candidate[] candidates)
    {
        // What is tolerated is tolerated on every text.
        Profile profile = asked with
        {
            Limits = [.. asked.Limits.SelectMany(l => set.PerText(l.Metric).Select(m => l.Metric == m ? l : l with { Metric = m }))],
        };
        Contender[] all = [.. candidates.Select(c => Judge(set, profile, engines, c))];
        Contender[] fits = [.. all.Where(c => c.Fits)];
        ImmutableDictionary<Contender, string> beaten = Beaten(profile, fits);
        ImmutableArray<Contender> ranked =
        [
            .. fits.GroupBy(c => (IsUnsure: !c.Unsure.IsEmpty, IsBeaten: beaten.ContainsKey(c))).OrderBy(g => g.Key)
                .SelectMany(g => Ranked(set, profile, [.. g])),
        ];
        ImmutableArray<Contender> losers = [
            .. all.Where(c => !c.Fits).OrderBy(c => c.Refusals.Length).ThenBy(Miss).ThenBy(c => c.Broken.Length)];
        Contender? pick = ranked.FirstOrDefault();
        return new Recommendation
        {
            Model = model,
            Profile = profile,
            Ranked = ranked,
            BeatenBy = beaten,
            Losers = losers,
            Ties = pick is null ? []
                : [.. ranked.Skip(1).Where(c => Enumerable.Range(0, profile.Prefer.Length).All(i => !AreApart(set, profile, i, pick, c)))],
            Better = pick is null ? null : Better(set, profile, pick, losers),
            Safer = pick is null ? null : Safer(pick, ranked),
            Misfit = Misfit(set, profile, model, candidates),
            Notes = Notes(set, profile),
        };
    }

    private static Contender Judge(CandidateSet set, Profile profile, EngineCatalog engines, Candidate candidate) => new(
        candidate, set.Name(candidate), [.. profile.Limits.Select(l => BoundCheck.Of(l, set.Figure(candidate, l.Metric)))],
        [.. Refusals(profile, engines, candidate)], [.. profile.Prefer.Select(m => set.Figure(candidate, m))]);

    // Which of those that fit are shown to be beaten in every metric that the profile limits or prefers.
    private static ImmutableDictionary<Contender, string> Beaten(Profile profile, Contender[] fits)
    {
        MetricSelector[] axes = [.. profile.Limits.Select(l => l.Metric).Concat(profile.Prefer).Distinct()];
        var points = new List<(Contender Who, ImmutableArray<Estimates.Estimate> At)>();
        foreach (Contender fit in fits)
        {
            CandidateFigure[] figures =
            [
                .. axes.Select(a =>
                    fit.Checks.FirstOrDefault(c => c.Bound.Metric == a)?.Figure ?? fit.Preferred[profile.Prefer.IndexOf(a)]),
            ];
            if (figures.All(f => f.Estimate is not null)) points.Add((fit, [.. figures.Select(f => f.Estimate!.Value)])); // all have one
        }

        ImmutableArray<(FrontPlace Place, int By)> places = ParetoAnalyzer.Places(
            [.. points.Select(p => p.At)], [.. axes.Select(a => a.Definition.Direction == Direction.Higher)], 0,
            ParetoAnalyzer.Alone(axes));
        return points.Select((p, i) => (p.Who, places[i])).Where(p => p.Item2.Place == FrontPlace.Beaten)
            .ToImmutableDictionary(p => p.Who, p => points[p.Item2.By].Who.Name);
    }

    private static IEnumerable<Contender> Ranked(CandidateSet set, Profile profile, List<Contender> rest)
    {
        while (rest.Count > 0)
        {
            Contender next = Preferred(set, profile, rest);
            rest.Remove(next);
            yield return next;
        }
    }

    // The best by the first metric, and among those that it doesn't tell from that one the best by the next; then what loses least.
    private static Contender Preferred(CandidateSet set, Profile profile, IReadOnlyCollection<Contender> among)
    {
        Contender[] left = [.. among];
        for (int i = 0; i < profile.Prefer.Length && left.Length > 1; i++)
        {
            int at = i;
            Contender best = left.MinBy(c => c.Loss(profile, at))!; // never empty
            left = [.. left.Where(c => c == best || !AreApart(set, profile, at, best, c))];
        }

        return left.OrderBy(QualityUse).ThenBy(c => c.Name, StringComparer.Ordinal).First();
    }

    private static bool IsPreferred(CandidateSet set, Profile profile, Contender contender, Contender to)
    {
        for (int i = 0; i < profile.Prefer.Length; i++)
            if (AreApart(set, profile, i, contender, to)) return contender.Loss(profile, i) < to.Loss(profile, i);
        return false;
    }

    // Whether two figures are shown to differ; of figures without an interval, by more than single observations usually do.
    private static bool AreApart(CandidateSet set, Profile profile, int metric, Contender one, Contender other)
    {
        (double? a, double? b) = (one.Preferred[metric].Value, other.Preferred[metric].Value);
        if (a is null || b is null) return (a is null) != (b is null);
        if (set.Change(other.Candidate, one.Candidate, profile.Prefer[metric]).Estimate is not { } change) return a != b;
        return change.Certainty switch
        {
            Estimates.Certainty.Interval => change.Low > 0 || change.High < 0,
            Estimates.Certainty.Exact => change.Value != 0,
            _ => Math.Abs(change.Value) > SingleNoise,
        };
    }

    private static double QualityUse(Contender contender) =>
        contender.Checks.Where(c => c.Bound.Metric.Definition.Kind == MetricKind.Quality).Select(c => c.Use ?? double.PositiveInfinity)
            .DefaultIfEmpty(0).Max();

    // The same file on another engine is no other pick; of one file on several engines, the pick's own is named.
    private static Contender? Better(CandidateSet set, Profile profile, Contender pick, ImmutableArray<Contender> losers)
    {
        Contender[] better =
        [
            .. losers.Where(c => c.Candidate.Variant != pick.Candidate.Variant && c.Refusals.IsEmpty
                && c.Broken.All(b => b.Use is not null) && IsPreferred(set, profile, c, pick)),
        ];
        return better.FirstOrDefault(c => c.Candidate.Variant == better[0].Candidate.Variant
            && c.Candidate.Backend == pick.Candidate.Backend)
            ?? better.FirstOrDefault();
    }

    private static (BoundCheck, Contender)? Safer(Contender pick, ImmutableArray<Contender> ranked)
    {
        BoundCheck? tight = pick.Checks.Where(c => c.Bound.Metric.Definition.Kind == MetricKind.Quality && c.Use > 0).MaxBy(c => c.Use);
        return tight is not null
            && ranked.Skip(1).FirstOrDefault(c => c.Candidate.Variant != pick.Candidate.Variant && Beyond(c, tight)) is { } next
            ? (tight, next) : null;
    }

    private static string? Misfit(CandidateSet set, Profile profile, string model, Candidate[] candidates)
    {
        double[] counts =
        [
            .. candidates.Select(c => set.Figure(c, MetricSelector.Of(MetricTable.ArtifactSize)).Value * 8
                / set.Figure(c, MetricSelector.Of(MetricTable.BitsPerWeight)).Value).OfType<double>().Where(double.IsFinite),
        ];
        if (counts.Length == 0) return null;
        double count = counts.Min(); // the largest file tells it best, since what isn't weights counts least in it
        // A model of 8.03 billion weights is one of 8 billion.
        bool isSmall = count < profile.LeastParameters * (1 - Rounding);
        if (!isSmall && !(count > profile.MostParameters * (1 + Rounding))) return null;
        double bound = (isSmall ? profile.LeastParameters : profile.MostParameters)!.Value; // compared above
        string consequence = isSmall
            ? "limits on memory and speed rule out nothing here, and quantization harms small models more: measure the model that ships"
            : "what fits here says little of the machines it means";
        return $"{model} has about {Count(count)} weights and the profile is for models of {(isSmall ? "at least" : "at most")} "
            + $"{Count(bound)}: {consequence}";
    }

    private static string Count(double weights)
    {
        (double unit, string name) = weights >= 1e9 ? (1e9, "billion") : (1e6, "million");
        return $"{(weights / unit).ToString("0.#", CultureInfo.InvariantCulture)}\u00a0{name}";
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

    // Whether a candidate is shown to lose less than the pick, so that it would still fit if the limit were tighter.
    private static bool Beyond(Contender other, BoundCheck pick) =>
        other.Checks.First(c => c.Bound == pick.Bound).Figure.Estimate is { } value && pick.Figure.Estimate is { } picked
            && (pick.Bound.IsMax ? value.High < picked.Low : value.Low > picked.High);

    private static ImmutableArray<string> Notes(CandidateSet set, Profile profile)
    {
        var notes = ImmutableArray.CreateBuilder<string>();
        notes.AddRange(profile.Limits.Select(l => l.Metric).Concat(profile.Prefer).Select(set.Choice).OfType<string>().Distinct());
        if (profile.HasWeights)
            notes.Add("The profile weights its limits; nothing is weighted any more. 'prefer' says what counts among variants that keep "
                + "them.");
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
