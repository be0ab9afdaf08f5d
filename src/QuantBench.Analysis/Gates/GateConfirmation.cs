using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Gates;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Gates;

/// <summary>
/// Decides gates on timings that a run breaks by further runs of the same cells. The run that raised the suspicion has no vote: of many
/// cells the unluckiest is looked at.
/// </summary>
public static class GateConfirmation
{
    /// <summary>Gates that need confirmation: broken ones on timings, those without a clean figure among them.</summary>
    /// <param name="report">The run's report.</param>
    public static ImmutableArray<GateResult> Suspects(GateReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return [.. report.Results.Where(r => r is { Passed: false, Candidate: not null }
            && MetricTable.Find(r.Rule.Metric.Metric) is { Kind: MetricKind.Timing })];
    }

    /// <summary>The cells whose figures some gates rest on.</summary>
    /// <param name="run">The run.</param>
    /// <param name="suspects">Its gates, as <see cref="Suspects"/> gives them.</param>
    public static ImmutableArray<Cell> Cells(CandidateSet run, IEnumerable<GateResult> suspects)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(suspects);
        return [.. suspects.SelectMany(s => Of(s.Candidate!, s.Rule) // suspects have one
            .Concat(s.Rule is { Base: GateBase.Variant, BaseVariant: { } variant } && run.Sibling(s.Candidate!, variant) is { } from
                ? Of(from, s.Rule) : [])).DistinctBy(c => c.Id)];

        static IEnumerable<Cell> Of(Candidate candidate, GateRule rule) =>
            candidate.Cells.Where(c => c.Metric(rule.Metric.Metric) is not null).Select(c => c.Cell);
    }

    /// <summary>The report after what was suspected has been measured again: a gate is broken when more than half of the runs that have a
    /// figure break it. Without any such figure it stays as it was.</summary>
    /// <param name="report">The run's report.</param>
    /// <param name="again">Reports of the further runs, by the same gates.</param>
    /// <param name="inTurns">Whether their baselines were measured in turns with them.</param>
    public static GateReport Apply(GateReport report, IReadOnlyList<GateReport> again, bool inTurns)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(again);
        ImmutableArray<GateResult> suspects = Suspects(report);
        return report with { Results = [.. report.Results.Select(r => suspects.Contains(r) ? Decide(r) : r)] };

        GateResult Decide(GateResult suspect)
        {
            GateResult[] judged =
            [
                .. again.SelectMany(a => a.Results).Where(r => r.HasFigure && r.Rule == suspect.Rule && r.Candidate is { } c
                    && c.Model == suspect.Candidate!.Model && c.Variant == suspect.Candidate.Variant // suspects have one
                    && c.Backend == suspect.Candidate.Backend),
            ];
            string how = inTurns ? " in turns with the other build" : "";
            if (judged.Length == 0)
                return suspect with { Reason = $"{suspect.Reason}; measured again{how}, but never with a clean figure" };
            int broken = judged.Count(r => !r.Passed);
            string count = $"measured again{how}: broken in {Format.Count(broken)} of {Format.Count(judged.Length)}";
            GateResult shown = judged.FirstOrDefault(r => r.Passed == (2 * broken <= judged.Length)) ?? judged[0];
            return 2 * broken > judged.Length ? shown with { Reason = $"{shown.Reason}; {count}" }
                : shown with { Passed = true, Reason = $"the run alone broke it; {count}" };
        }
    }
}
