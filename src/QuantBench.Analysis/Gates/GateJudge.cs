using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Gates;
using QuantBench.Core.Limits;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Gates;

/// <summary>Judges a run by gates. A gate without a figure fails: what wasn't measured isn't kept.</summary>
public static class GateJudge
{
    /// <summary>Judges a run.</summary>
    /// <param name="run">The run's candidates.</param>
    /// <param name="rules">The gates.</param>
    /// <param name="baseline">The stored run that <c>vs: baseline</c> means; null when there is none.</param>
    /// <param name="history">What is known of the noise between runs; null when nothing is.</param>
    /// <exception cref="RequestException">A gate needs a baseline and none is given.</exception>
    public static GateReport Judge(CandidateSet run, ImmutableArray<GateRule> rules, CandidateSet? baseline = null,
        MachineHistory? history = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (baseline is null && rules.FirstOrDefault(r => r.Base == GateBase.Baseline) is { } needs)
        {
            throw new RequestException($"{needs.Place}: the gate '{needs.Name}' is against a baseline, and none is given.",
                "Name the stored run: --baseline RUN");
        }

        ImmutableArray<string> differing = baseline is null || baseline.Run.Info.Id == run.Run.Info.Id
            ? []
            : [.. Comparability.Check(baseline.Run.Info.Fingerprint, run.Run.Info.Fingerprint).Select(d => d.ToString())];
        GateRule[] each = [.. rules.SelectMany(r => PerText(run, r))];
        return new GateReport(
            run.Run.Info.Id, baseline?.Run.Info.Id, [.. each.SelectMany(r => Rule(run, r, baseline, differing, history))],
            [.. each.Select(r => run.Choice(r.Metric)).OfType<string>().Distinct()]);
    }

    /// <summary>
    /// Judges a run by the gates of its own suite, as far as they can be judged without another run: those against a baseline, and in a
    /// run of some of the suite's cells those of the others, are left to a note.
    /// </summary>
    /// <param name="run">The run's candidates.</param>
    /// <param name="rules">The gates of its suite.</param>
    /// <returns>Null when there are none.</returns>
    public static GateReport? JudgeOwn(CandidateSet run, ImmutableArray<GateRule> rules)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (rules.IsEmpty) return null;
        GateReport report = Judge(run, [.. rules.Where(r => r.Base != GateBase.Baseline)]);
        List<string> notes = [.. report.Notes];
        int against = rules.Count(r => r.Base == GateBase.Baseline);
        if (against > 0)
            notes.Add($"{Count(against)} against a baseline not judged: quantbench gate {run.Run.Info.Id} --baseline RUN");
        if (run.Run.Info.Only.IsDefaultOrEmpty) return report with { Notes = [.. notes] };
        ImmutableArray<GateResult> judged = [.. report.Results.Where(r => r.Passed || r.HasFigure || IsUnwell(r))];
        if (judged.Length < report.Results.Length)
            notes.Add($"{Count(report.Results.Length - judged.Length)} without a figure not judged: the run was narrowed to "
                + string.Join(", ", run.Run.Info.Only));
        return report with { Results = judged, Notes = [.. notes] };

        static string Count(int gates) => gates == 1 ? "1 gate" : $"{Formatting.Format.Count(gates)} gates";
        static bool IsUnwell(GateResult result) => result.Candidate?.Cells.Any(c => c.Status == CellStatus.Failed) == true;
    }

    // A gate on quality is one on every text that the run measured it on.
    private static IEnumerable<GateRule> PerText(CandidateSet run, GateRule rule)
    {
        ImmutableArray<MetricSelector> texts = run.PerText(rule.Metric);
        return texts.Length == 1 ? [rule] : texts.Select(t => rule with
        {
            Name = $"{rule.Name} ({t.Settings[CandidateSet.TextSetting]})",
            Metric = t,
            Bounds = [.. rule.Bounds.Select(b => b with { Metric = t })],
        });
    }

    private static IEnumerable<GateResult> Rule(CandidateSet run, GateRule rule, CandidateSet? baseline, ImmutableArray<string> differing,
        MachineHistory? history)
    {
        Candidate[] matching = [.. run.All.Where(c => rule.Where.Matches(c.Model, c.Variant, c.Backend, ""))];
        // The base itself can't differ from itself; a rule for all variants isn't about it.
        if (rule.Base == GateBase.Variant && matching.Length > 1) matching = [.. matching.Where(c => c.Variant != rule.BaseVariant)];
        if (matching.Length == 0)
        {
            yield return new GateResult(rule, null, "", [], false,
                $"no variant of the run matches; it has {string.Join(", ", run.All.Select(run.Name).Distinct().Take(8))}");
            yield break;
        }

        foreach (Candidate candidate in matching)
        {
            CandidateFigure figure = Figure(run, rule, candidate, baseline, differing, history);
            ImmutableArray<BoundCheck> checks = [.. rule.Bounds.Select(b => BoundCheck.Of(b, figure))];
            BoundCheck? failing = checks.FirstOrDefault(c => !Passes(c, rule.Unsure));
            string reason = failing is not null ? Why(failing, rule.Unsure)
                : checks.FirstOrDefault(c => c.Standing != Standing.Kept) is { } unsure ? unsure.Word()
                : "";
            yield return new GateResult(rule, candidate, run.Name(candidate), checks, failing is null, reason);
        }
    }

    private static CandidateFigure Figure(CandidateSet run, GateRule rule, Candidate candidate, CandidateSet? baseline,
        ImmutableArray<string> differing, MachineHistory? history)
    {
        switch (rule.Base)
        {
            case GateBase.Variant:
                // A relative rule names its variant: the reader sees to it.
                return run.Sibling(candidate, rule.BaseVariant!) is { } from
                    ? run.Change(candidate, from, rule.Metric)
                    : new CandidateFigure(null, $"the run has no {rule.BaseVariant} on {candidate.Backend} to hold it against");
            case GateBase.Baseline when baseline is not null:
                CandidateFigure now = run.Figure(candidate, rule.Metric);
                if (now.Cell is not { } cell) return new CandidateFigure(null, now.Reason ?? "no figure");
                CellResult? then = baseline.All.SelectMany(c => c.Cells).FirstOrDefault(c => c.Cell.Id == cell.Cell.Id);
                if (then is null) return new CandidateFigure(null, $"the baseline {baseline.Run.Info.Id} has no such cell");
                Candidate before = baseline.All.First(c => c.Cells.Contains(then));
                MetricSelector same = rule.Metric with { Settings = Pinned(then) };
                RunNoise? noise = MetricTable.Find(rule.Metric.Metric) is { Kind: MetricKind.Timing } timing
                    ? history?.Of(run.Run.Info.Fingerprint.MachineId, cell.Cell.Id.Value, timing, run.Run.Info.Id,
                        baseline.Run.Info.Id) : null;
                return CandidateSet.Change(now, baseline.Figure(before, same), rule.Metric, differing, noise);
            default:
                return run.Figure(candidate, rule.Metric);
        }
    }

    // The baseline's figure is taken from the very same cell, whatever that run would choose by itself.
    private static ImmutableSortedDictionary<string, string> Pinned(CellResult cell) =>
        ImmutableSortedDictionary<string, string>.Empty.Add("workload", cell.Cell.Workload)
            .AddRange(cell.Cell.Settings.Select(s => new KeyValuePair<string, string>(s.Key, cell.Cell.Settings.Text(s.Key))));

    private static bool Passes(BoundCheck check, UnsurePolicy policy) => check.Standing switch
    {
        Standing.Kept => true,
        Standing.KeptNotShown => policy != UnsurePolicy.Fail,
        Standing.BrokenNotShown => policy == UnsurePolicy.Pass,
        _ => false,
    };

    private static string Why(BoundCheck check, UnsurePolicy policy) => check.Standing switch
    {
        Standing.NoFigure => check.Word(),
        Standing.KeptNotShown when policy == UnsurePolicy.Fail => $"{check.Word()}, and the gate must be shown to be kept",
        _ => $"{check.Word()}: {check.FigureWithInterval()}, limit {BoundCheck.Text(check.Bound)}",
    };
}
