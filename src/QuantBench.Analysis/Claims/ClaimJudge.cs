using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Estimates;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Cells;
using QuantBench.Core.Claims;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Claims;

/// <summary>
/// Judges claims by a run. A claim holds only when the intervals of all its figures lie within what is claimed, and fails only when an
/// interval lies wholly outside; a missing figure, or an interval on both sides, is <c>can't tell</c>.
/// </summary>
public static class ClaimJudge
{
    private const double Alpha = 0.05;

    /// <summary>Judges every claim for each model and backend of a run that has what it is about, once per base that is there.</summary>
    /// <param name="set">The run's candidates.</param>
    /// <param name="claims">The claims.</param>
    public static ImmutableArray<ClaimFinding> Judge(CandidateSet set, ImmutableArray<Claim> claims)
    {
        ArgumentNullException.ThrowIfNull(set);
        Family[] families =
            [.. set.All.GroupBy(c => (c.Model, c.Backend)).Select(g => new Family(g.Key.Model, g.Key.Backend, [.. g]))];
        return [.. claims.SelectMany(claim => One(set, claim, families))];
    }

    // A claim is asked of the models and backends that have what it is about: an engine that can't hold a format has nothing to say of it.
    private static IEnumerable<ClaimFinding> One(CandidateSet set, Claim claim, Family[] families)
    {
        Family[] there =
            [.. families.Where(f => claim.Backend is null || CellRule.MatchesText(claim.Backend, f.Backend.ToString()))];
        if (there.Length == 0) return [None(claim, $"the run has no backend like {claim.Backend}")];
        Family[] asked = [.. there.Where(f => claim.Tests.All(t => Has(set, t, f)))];
        if (asked.Length == 0)
            return [None(claim, $"no backend of the run has what it is about: {string.Join("; ", claim.Tests.Select(About).Distinct())}")];
        if (claim.Bases.IsEmpty) return asked.Select(f => One(set, claim, null, f.Model, f.Backend, f.Candidates));
        (Family Family, Variant Base)[] pairs =
            [.. asked.SelectMany(f => claim.Bases.Where(b => f.Candidates.Any(c => c.Variant == b)).Select(b => (f, b)))];
        return pairs.Length > 0 ? pairs.Select(p => One(set, claim, p.Base, p.Family.Model, p.Family.Backend, p.Family.Candidates))
            : [None(claim, $"no backend of the run that has {string.Join("; ", claim.Tests.Select(About).Distinct())} has the base "
                + string.Join(" or ", claim.Bases.Select(b => b.Id)))];
    }

    private static ClaimFinding None(Claim claim, string reason) => new(claim, "", "", null, ClaimVerdict.CantTell, [], reason);

    private static string About(ClaimTest test) => string.Join(", ", test.Variants)
        + (test is ClaimTest.Best best ? $" beside {string.Join(", ", best.Among)}" : "");

    private static bool Has(CandidateSet set, ClaimTest test, Family family)
    {
        Candidate[] own = Matching(test.Variants, family.Candidates);
        return test.Match(_ => own.Length > 0, figure => own.Any(c => !IsItself(set, c, figure.Metric)),
            best => own.Length > 0 && Matching(best.Among, family.Candidates).Except(own).Any(), _ => own.Length > 0);
    }

    // What a variant is to itself says nothing about it.
    private static bool IsItself(CandidateSet set, Candidate candidate, MetricSelector metric) =>
        metric.Definition.OfReference is not null && set.Reference(candidate) == candidate;

    private static ClaimFinding One(CandidateSet set, Claim claim, Variant? from, string model, BackendId backend, Candidate[] family)
    {
        ClaimFinding finding = new(claim, model, backend.ToString(), from, ClaimVerdict.CantTell, []);
        if (claim.MostParameters is { } most)
        {
            if (Parameters(set, family) is not { } parameters)
                return finding
                    with
                { Reason = "how many weights the model has isn't known: no artifact size and bits per weight in the run" };
            if (parameters > most)
                return finding
                    with
                {
                    Reason =
                        $"the claim is about models of up to {Format.Number(most / 1e9)} billion weights; this one has "
                            + $"{Format.Number(parameters / 1e9)} billion"
                };
        }

        ImmutableArray<ClaimEvidence> evidence =
        [
            .. claim.Tests.SelectMany(t => t.Match(
                change => Change(set, change, from, family), figure => Figure(set, figure, family), best => Best(set, best, family),
                frontier => Frontier(set, frontier, family))).Select(e => e with { Class = ClassOf(e.Variant, family) }),
        ];
        ClaimVerdict verdict = evidence.Any(e => e.Verdict == ClaimVerdict.Fails) ? ClaimVerdict.Fails
            : evidence.IsEmpty || evidence.Any(e => e.Verdict == ClaimVerdict.CantTell) ? ClaimVerdict.CantTell
            : ClaimVerdict.Holds;
        return finding with { Verdict = verdict, Evidence = evidence };
    }

    // Bits of all tensors over bits per weight; the file's few other bytes don't matter to a limit in billions.
    private static double? Parameters(CandidateSet set, Candidate[] family)
    {
        foreach (Candidate candidate in family)
        {
            double? bytes = set.Figure(candidate, MetricSelector.Of(MetricTable.ArtifactSize)).Value;
            double? bits = set.Figure(candidate, MetricSelector.Of(MetricTable.BitsPerWeight)).Value;
            if (bytes is { } size && bits is > 0) return size * 8 / bits.Value;
        }

        return null;
    }

    private static PrecisionClass? ClassOf(string variant, Candidate[] family) =>
        family.FirstOrDefault(c => c.Variant.Id == variant)?.Class
            ?? (Variant.TryParse(variant, out Variant? parsed) ? parsed?.Scheme.PrecisionClass : null);

    private static Candidate[] Matching(ImmutableArray<string> patterns, Candidate[] family) =>
        [.. family.Where(c => patterns.Any(p => CellRule.MatchesVariant(p, c.Variant.Id)))];

    private static ClaimEvidence Missing(ImmutableArray<string> patterns, string claimed) =>
        new(string.Join(", ", patterns), "not in this run", claimed, ClaimVerdict.CantTell);

    private static IEnumerable<ClaimEvidence> Change(CandidateSet set, ClaimTest.Change test, Variant? from, Candidate[] family)
    {
        string claimed = $"{Limits(test.Bounds)} vs {from}";
        Candidate[] matching = [.. Matching(test.Variants, family).Where(c => c.Variant != from)];
        if (matching.Length == 0) return [Missing(test.Variants, claimed)];
        if (from is null || set.Sibling(matching[0], from) is not { } reference)
            return [new ClaimEvidence(string.Join(", ", test.Variants), $"the run has no {from}", claimed, ClaimVerdict.CantTell)];
        return matching.Select(c => Within(c, set.Change(c, reference, test.Metric), test.Bounds, claimed));
    }

    private static IEnumerable<ClaimEvidence> Figure(CandidateSet set, ClaimTest.Figure test, Candidate[] family)
    {
        string claimed = Limits(test.Bounds);
        Candidate[] matching = [.. Matching(test.Variants, family).Where(c => !IsItself(set, c, test.Metric))];
        return matching.Length == 0 ? [Missing(test.Variants, claimed)]
            : matching.Select(c => Within(c, set.Figure(c, test.Metric), test.Bounds, claimed));
    }

    private static ClaimEvidence Within(Candidate candidate, CandidateFigure figure, ImmutableArray<Bound> bounds, string claimed)
    {
        BoundCheck[] checks = [.. bounds.Select(b => BoundCheck.Of(b, figure))];
        ClaimVerdict verdict = checks.Any(c => c.Standing == Standing.NoFigure) ? ClaimVerdict.CantTell
            : checks.Any(c => c.Standing == Standing.Broken) ? ClaimVerdict.Fails
            : checks.All(c => c.Standing == Standing.Kept) ? ClaimVerdict.Holds
            : ClaimVerdict.CantTell;
        string text = checks[0].Standing == Standing.NoFigure ? $"no {bounds[0].Metric.Metric}: {figure.Reason}"
            : checks[0].FigureWithInterval();
        return new ClaimEvidence(candidate.Variant.Id, text, claimed, verdict);
    }

    private static IEnumerable<ClaimEvidence> Best(CandidateSet set, ClaimTest.Best test, Candidate[] family)
    {
        string claimed = $"best {test.Metric} among {string.Join(", ", test.Among)}";
        Candidate[] own = Matching(test.Variants, family);
        if (own.Length == 0) return [Missing(test.Variants, claimed)];
        Candidate[] others = [.. Matching(test.Among, family).Except(own)];
        if (others.Length == 0)
            return [new ClaimEvidence(own[0].Variant.Id, "nothing in this run to hold it against", claimed, ClaimVerdict.CantTell)];
        bool higher = test.Metric.Definition.Direction == Direction.Higher;
        Candidate[] measured = [.. own.Where(c => set.Figure(c, test.Metric).Value is not null)];
        if (measured.Length == 0)
            return [new ClaimEvidence(own[0].Variant.Id, $"no {test.Metric.Metric}: {set.Figure(own[0], test.Metric).Reason}", claimed,
                ClaimVerdict.CantTell)];
        // It is the best of them that is claimed to win, so it is the best of them that is held against each other one.
        Candidate champion = measured.MaxBy(c => (higher ? 1 : -1) * (set.Figure(c, test.Metric).Value ?? 0))!; // measured isn't empty
        CandidateFigure figure = set.Figure(champion, test.Metric);
        List<(Candidate Other, MetricComparison Row)> rows = [];
        List<string> unmeasured = [];
        foreach (Candidate other in others)
        {
            CandidateFigure rival = set.Figure(other, test.Metric);
            if (figure.Source is { } a && rival.Source is { } b && MetricTable.Find(test.Metric.Metric) is { } metric)
            {
                rows.Add(
                    (other, FigureComparer.Compare(
                        new MetricComparison { Cell = "", Metric = metric, A = a, B = b, Verdict = Verdict.NotComparable, Note = "" },
                        [])));
            }
            else
            {
                unmeasured.Add(other.Variant.ShortName);
            }
        }

        // Any rival that is shown better refutes it: the chance of one false refutation is kept below 5 % over all rivals (Holm).
        double[] adjusted = MultipleComparisons.Holm([.. rows.Select(r => r.Row.PValue ?? 0)]);
        string[] better = [
            .. rows.Where((r, i) => r.Row.Verdict == Verdict.Better && adjusted[i] < Alpha)
                .Select(r => $"{r.Other.Variant.ShortName} is better by {Format.Change(r.Row.Difference ?? double.NaN)}")];
        string[] level = [
            .. rows.Where((r, i) =>
                !r.Row.Verdict.IsShown()
                    || (r.Row.Verdict == Verdict.Better && adjusted[i] >= Alpha)).Select(r => r.Other.Variant.ShortName)];
        string text = $"{FigureText.Of(figure, test.Metric.Definition)}; "
            + (better.Length > 0 ? string.Join(", ", better)
                : level.Length + unmeasured.Count > 0
                    ? string.Join("; ",
                        ((string[])[level.Length > 0 ? $"not shown to differ from {string.Join(", ", level)}" : "",
                            unmeasured.Count > 0 ? $"no figure of {string.Join(", ", unmeasured)}" : ""]).Where(t => t.Length > 0))
                : $"shown better than each of {Format.Count(rows.Count)} others");
        ClaimVerdict verdict = better.Length > 0 ? ClaimVerdict.Fails
            : level.Length + unmeasured.Count > 0 ? ClaimVerdict.CantTell : ClaimVerdict.Holds;
        return [new ClaimEvidence(champion.Variant.Id, text, claimed, verdict)];
    }

    private static IEnumerable<ClaimEvidence> Frontier(CandidateSet set, ClaimTest.Frontier test, Candidate[] family)
    {
        string claimed = $"not beaten on all of {string.Join(", ", test.Metrics)}";
        Candidate[] matching = Matching(test.Variants, family);
        if (matching.Length == 0) return [Missing(test.Variants, claimed)];
        // Within one backend: a variant beaten only on another backend isn't a worse variant.
        Candidate[] whole = [.. family.Where(c => test.Metrics.All(m => set.Figure(c, m).Estimate is not null))];
        // whole has each
        ImmutableArray<Estimate>[] points = [
            .. whole.Select(c => (ImmutableArray<Estimate>)[.. test.Metrics.Select(m => set.Figure(c, m).Estimate!.Value)])];
        bool[] higher = [.. test.Metrics.Select(m => m.Definition.Direction == Direction.Higher)];
        double[] alone = ParetoAnalyzer.Alone(test.Metrics);
        ImmutableArray<(FrontPlace Place, int By)> places = ParetoAnalyzer.Places(points, higher, 0, alone);
        return matching.Select(c =>
        {
            int at = Array.IndexOf(whole, c);
            if (at < 0)
            {
                MetricSelector lacking = test.Metrics.First(m => set.Figure(c, m).Estimate is null);
                return new ClaimEvidence(c.Variant.Id, $"no {lacking.Metric}: {set.Figure(c, lacking).Reason}", claimed,
                    ClaimVerdict.CantTell);
            }

            (FrontPlace place, int by) = places[at];
            bool shown = place == FrontPlace.Front && ParetoAnalyzer.ShowsUnbeaten(points, higher, at, alone);
            string text = place == FrontPlace.Front ? shown ? "on the front" : "on the front by its estimates, not shown"
                : place == FrontPlace.MaybeFront ? $"beaten by {whole[by].Variant.ShortName} by estimates, not shown"
                    : $"beaten by {whole[by].Variant.ShortName}";
            return new ClaimEvidence(c.Variant.Id, text, claimed,
                shown ? ClaimVerdict.Holds : place == FrontPlace.Beaten ? ClaimVerdict.Fails : ClaimVerdict.CantTell);
        });
    }

    private static string Limits(ImmutableArray<Bound> bounds)
    {
        if (bounds is [{ } one, { } two])
        {
            (Bound low, Bound high) = one.IsMax ? (two, one) : (one, two);
            return $"{one.Metric} from {BoundCheck.LimitText(low)} to {BoundCheck.LimitText(high)}";
        }

        return BoundCheck.Text(bounds[0]);
    }

    private sealed record Family(string Model, BackendId Backend, Candidate[] Candidates);
}
