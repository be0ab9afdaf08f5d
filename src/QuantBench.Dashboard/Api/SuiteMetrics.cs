using System.Diagnostics.Metrics;
using QuantBench.Core.Cells;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Runs;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Api;

/// <summary>The newest run of each suite, in figures that an alert can be made of.</summary>
/// <param name="runs">The runs.</param>
/// <param name="stored">Finds the newest of a suite.</param>
/// <param name="cache">What stays true until the store changes.</param>
internal sealed class SuiteMetrics(RunQueries runs, StoredRuns stored, StoreCache cache)
{
    /// <summary>Adds the gauges.</summary>
    /// <param name="meter">The meter.</param>
    public void AddTo(Meter meter)
    {
        meter.CreateObservableGauge("quantbench_last_run_start_time_seconds",
            () => Each(s => [At(s, s.Started.ToUnixTimeMilliseconds() / 1000.0)]),
            description: "When the suite's newest run started, seconds since 1970 UTC");
        meter.CreateObservableGauge("quantbench_last_run_end_time_seconds",
            () => Each(s => s.Ended is { } ended ? [At(s, ended.ToUnixTimeMilliseconds() / 1000.0)] : []),
            description: "When it was completed, seconds since 1970 UTC; missing while it isn't");
        meter.CreateObservableGauge("quantbench_last_run_outcome",
            () => Each(s => Enum.GetValues<RunState>().Select(o => At(s, o == s.State ? 1 : 0, ("outcome", Word(o))))),
            description: "1 for what became of the suite's newest run, 0 for the rest");
        meter.CreateObservableGauge("quantbench_last_run_cells",
            () => Each(s => s.Cells.Select(c => At(s, c.Count, ("status", c.Status)))),
            description: "Cells of the suite's newest run; disturbed ones are ok, too");
    }

    private static string Word(RunState state) => state.ToString().ToLowerInvariant();

    private static Measurement<double> At(Newest run, double value, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        var tags = new KeyValuePair<string, object?>[labels.Length + 1];
        tags[0] = new("suite", run.Suite);
        for (int i = 0; i < labels.Length; i++) tags[i + 1] = new(labels[i].Name, labels[i].Value);
        return new Measurement<double>(value, tags);
    }

    // A scrape isn't asynchronous; it has a thread of its own.
    private IEnumerable<Measurement<double>> Each(Func<Newest, IEnumerable<Measurement<double>>> figures)
    {
        Task<Newest[]> read = cache.GetAsync("suite-metrics", ReadAsync);
        read.Wait(CancellationToken.None);
        return read.Result.SelectMany(figures);
    }

    private async Task<Newest[]> ReadAsync()
    {
        var found = new List<Newest>();
        foreach (string suite in (await runs.FacetsAsync(CancellationToken.None)).Suites)
        {
            if (await stored.LastOfSuiteAsync(suite, CancellationToken.None) is not { } id
                || await runs.FindAsync(id, CancellationToken.None) is not { } run) continue;
            int disturbed = run.Cells.Count(c => c.Result.Metrics.Any(m => m.IsDisturbed));
            found.Add(new Newest(suite, run.Info.Started, run.Info.Finished, run.State,
            [
                (Word(CellStatus.Ok), run.Counts.Ok), (Word(CellStatus.Unsupported), run.Counts.Unsupported),
                (Word(CellStatus.Failed), run.Counts.Failed), ("waiting", run.Counts.Waiting), ("disturbed", disturbed),
            ]));
        }

        return [.. found];

        static string Word(CellStatus status) => status.ToString().ToLowerInvariant();
    }

    private sealed record Newest(
        string Suite, DateTimeOffset Started, DateTimeOffset? Ended, RunState State, (string Status, int Count)[] Cells);
}
