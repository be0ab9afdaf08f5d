using System.Collections.Immutable;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Runs;
using QuantBench.Lab.Queue;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Queries;

/// <summary>What changed between the newest run of a suite and the one before it on the same machine.</summary>
/// <param name="Before">The earlier run.</param>
/// <param name="After">The later run.</param>
/// <param name="Shown">Differences the intervals show, worst first.</param>
/// <param name="Compared">Figures compared in all.</param>
/// <param name="Blocked">What makes timings not comparable; empty when nothing does.</param>
internal sealed record ChangeReport(string Before, string After, ImmutableArray<MetricComparison> Shown, int Compared,
    ImmutableArray<string> Blocked);

/// <summary>What the first page shows.</summary>
/// <param name="Runs">Newest runs.</param>
/// <param name="Machines">Machines, trouble first.</param>
/// <param name="Newest">The newest completed run; null when there is none.</param>
/// <param name="Model">The model that the page is about: of the newest run where none was asked for.</param>
/// <param name="Changes">What changed; null when there are no two runs to compare.</param>
/// <param name="Trouble">Queued runs that failed or were missed of late.</param>
internal sealed record OverviewView(
    ImmutableArray<RunListItem> Runs, ImmutableArray<MachineItem> Machines, string? Newest, string? Model, ChangeReport? Changes,
    ImmutableArray<Occurrence> Trouble);

/// <summary>Gathers the first page.</summary>
/// <param name="stored">What the store has.</param>
/// <param name="runs">Runs.</param>
/// <param name="comparisons">Compares runs.</param>
/// <param name="machines">Machines.</param>
/// <param name="queue">Queued runs.</param>
/// <param name="cache">What stays true until the store changes.</param>
/// <param name="clock">The one clock.</param>
internal sealed class OverviewQueries(StoredRuns stored, RunQueries runs, ComparisonQueries comparisons, MachineQueries machines,
    OccurrenceStore queue, StoreCache cache, TimeProvider clock)
{
    private const int LatestRuns = 8;
    private const int MostTried = 10;

    /// <summary>The first page of a model.</summary>
    /// <param name="model">The model; null = all.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<OverviewView> LoadAsync(string? model, CancellationToken cancellationToken)
    {
        ImmutableArray<RunListItem> latest = await runs.LatestAsync(LatestRuns, cancellationToken);
        string? newest = (await stored.NewestAsync(model, completed: true, 1, cancellationToken)).FirstOrDefault();
        if (model is null && newest is not null) model = await runs.FirstModelAsync(newest, cancellationToken);
        DateTimeOffset recent = clock.GetUtcNow() - TimeSpan.FromDays(7);
        return new OverviewView(
            latest, await machines.ListAsync(cancellationToken), newest, model,
            newest is null ? null : await ChangesAsync(model, cancellationToken),
            [.. queue.Latest(most: 30).Where(o => o.State is OccurrenceState.Failed or OccurrenceState.Missed && o.Due > recent).Take(5)]);
    }

    // A suite that ran once has nothing to compare with.
    private async Task<ChangeReport?> ChangesAsync(string? model, CancellationToken cancellationToken)
    {
        if (await stored.NewestPairAsync(model, MostTried, cancellationToken) is not { } pair) return null;
        (string before, string after) = pair;
        // Two finished runs don't change; only a new one brings another pair.
        return await cache.GetAsync($"changes {before} {after} {model}", async () =>
        {
            RunRecord? first = await runs.RecordAsync(before, cancellationToken);
            RunRecord? second = await runs.RecordAsync(after, cancellationToken);
            if (first is null || second is null) throw new StoreException("a run is gone.", "Run 'quantbench results reindex'.");
            RunComparison comparison = comparisons.Compare(Side(first), [Side(second)])[0];
            return new ChangeReport(
                before, after,
                [.. comparison.Rows.Where(r => r.Verdict is Verdict.Better or Verdict.Worse)
                    .OrderBy(r => r.Verdict == Verdict.Worse ? 0 : 1).ThenByDescending(r => Math.Abs(r.Difference ?? 0))],
                comparison.Rows.Length, comparison.Differing);
        });

        ComparisonSide Side(RunRecord run) =>
            new(model is null ? run : run with { Cells = [.. run.Cells.Where(c => c.Cell.Model == model)] });
    }
}
