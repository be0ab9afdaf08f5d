using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Gates;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Cells;
using QuantBench.Core.Gates;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Composition;

/// <summary>
/// What a scheduled run makes look worse is measured again at once, before that is said: timings whose trend its figure breaks, and gates
/// on timings. Gates against a baseline are left to who names one.
/// </summary>
/// <param name="environment">Where things lie.</param>
internal sealed class ScheduledConfirmation(RunnerEnvironment environment)
{
    /// <summary>Measures again what looks worse in a run.</summary>
    /// <param name="runId">The run; completed.</param>
    /// <param name="stop">Stops.</param>
    /// <returns>What came of it; null when nothing looked worse or the suite's schedule asks for no confirmation.</returns>
    public async Task<string?> ConfirmAsync(string runId, CancellationToken stop)
    {
        CandidateSet set = CandidateSet.Of(environment.Runs.Load(runId));
        RunInfo run = set.Run.Info;
        Suite suite = SuiteLoader.Parse(run.SuiteText, Path.Combine(run.SuiteDirectory, $"{run.Suite}.yaml"), run.SuiteDirectory,
            environment.Engines.Catalog);
        int times = suite.Schedule?.Confirm ?? SuiteSchedule.DefaultConfirm;
        if (times == 0) return null;
        ImmutableArray<GateRule> gates = [.. suite.Gates.Where(g => g.Base != GateBase.Baseline)];
        GateReport judged = GateJudge.Judge(set, gates);
        ImmutableArray<GateResult> broken = GateConfirmation.Suspects(judged);
        TrendSeries[] changed = [.. Changes(run).Where(c => c.Change.State == ChangeState.Unconfirmed).Select(c => c.Series)];
        HashSet<string> ids = [.. changed.Select(s => s.CellId)];
        Cell[] cells =
        [
            .. GateConfirmation.Cells(set, broken).Concat(set.Run.Cells.Select(c => c.Cell).Where(c => ids.Contains(c.Id.Value)))
                .DistinctBy(c => c.Id),
        ];
        if (cells.Length == 0) return null;
        var again = new Remeasurement(environment, runId, cells);
        var made = new List<RunRecord>();
        using (var index = new StoreIndex(environment))
        {
            for (int i = 0; i < times; i++) made.Add(await again.OnceAsync(index, stop));
        }

        judged = GateConfirmation.Apply(judged, [.. made.Select(r => GateJudge.Judge(CandidateSet.Of(r), gates))], inTurns: false);
        (TrendSeries Series, TrendChange Change)[] now = [.. Changes(run)];
        string[] words =
        [
            .. judged.Results.Where(r => broken.Any(b => b.Rule == r.Rule && b.Name == r.Name))
                .Select(r => $"gate '{r.Rule.Name}' of {r.Name} {(r.Passed ? "kept" : "broken")}"),
            .. changed.Select(s => $"{s.Metric.Name} of {s.Title} {Found(now, s)}"),
        ];
        return string.Create(CultureInfo.InvariantCulture,
            $"measured again {times} times what looked worse in {runId}: {string.Join("; ", words)}");
    }

    private static string Found(IEnumerable<(TrendSeries Series, TrendChange Change)> now, TrendSeries suspect)
    {
        foreach ((TrendSeries series, TrendChange change) in now)
        {
            if (series.Metric != suspect.Metric || series.CellId != suspect.CellId) continue;
            return change.State == ChangeState.Unconfirmed ? "never with a clean figure" : $"worse: {TrendText.Difference(series, change)}";
        }

        return "as before";
    }

    // Changes of watched timings to the worse that begin with the run.
    private IEnumerable<(TrendSeries Series, TrendChange Change)> Changes(RunInfo run)
    {
        using AggregateReader store = AggregateReader.Open(environment.ResultsRoot, environment.Store);
        foreach (MetricDefinition metric in MetricTable.All.Where(m => m is { IsWatched: true, Kind: MetricKind.Timing }))
        {
            TrendReport report = TrendAnalyzer.Analyze(store, new SeriesQuery(metric.Name, run.Fingerprint.MachineId, Suite: run.Suite));
            foreach (TrendSeries series in report.Series)
            {
                foreach (TrendChange change in series.Changes.Where(c => c.Worse == true && c.RunId == run.Id))
                    yield return (series, change);
            }
        }
    }
}
