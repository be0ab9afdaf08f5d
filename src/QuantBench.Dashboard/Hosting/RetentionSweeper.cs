using Microsoft.Extensions.Logging;
using QuantBench.Core.Runs;
using QuantBench.Lab.Hosting;
using QuantBench.Lab.Notes;
using QuantBench.Lab.Runs;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Hosting;

/// <summary>
/// Moves runs that are older than an admin wants to keep to the trash, once a day. Off unless a number of days is set. What is being
/// measured, what is tagged <see cref="KeepTag"/> and the newest run of each suite and machine stay, so that there is always something to
/// compare with. A wrong clock must not cost results: an age is counted from the newest run, a clock that jumped isn't used that day, and
/// of all runs at most one in ten goes at once.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="stored">What it has.</param>
/// <param name="settings">How long runs are kept.</param>
/// <param name="notes">Tags of runs.</param>
/// <param name="audit">Receives a line per run removed.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what went wrong.</param>
internal sealed class RetentionSweeper(ResultStore store, StoredRuns stored, ServerSettings settings, RunNotes notes, AuditLog audit,
    TimeProvider clock, ILogger<RetentionSweeper> logger)
    : SteadyService("removing old runs", clock, logger)
{
    /// <summary>Tag of runs that are never removed.</summary>
    public const string KeepTag = "keep";

    private const int Share = 10;

    // an admin who mistyped the days has time to mend it after a restart
    private static readonly TimeSpan s_first = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_interval = TimeSpan.FromDays(1);
    private static readonly TimeSpan s_largestJump = TimeSpan.FromHours(1);

    private readonly RunTrash _trash = new(store.Root);
    private readonly RunRemover _remover = new(store, audit, clock);
    private (DateTimeOffset Time, long Timestamp) _seen = (clock.GetUtcNow(), clock.GetTimestamp());

    /// <summary>Moves what is too old to the trash, and deletes what has lain there long enough.</summary>
    /// <param name="cancellationToken">Stops between two runs.</param>
    /// <returns>Ids of the runs removed.</returns>
    public async Task<IReadOnlyList<string>> SweepAsync(CancellationToken cancellationToken)
    {
        DateTimeOffset now = Clock.GetUtcNow();
        if (Jumped(now))
        {
            Logger.LogWarning("the clock was set; old runs are looked at again in a day");
            return [];
        }

        foreach (string gone in _trash.CountDay(now)) audit.Write("retention", "run.delete", gone, "in the trash", null);
        if (settings.RetentionDays is not { } days || await stored.NewestStartAsync(now, cancellationToken) is not { } newest) return [];
        int most = Math.Max(1, stored.CountRuns() / Share);
        var removed = new List<string>();
        foreach (StoredRun run in await stored.OutdatedAsync(newest.AddDays(-days), cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (removed.Count == most) break;
            if (!IsTagged(run.Info) && _remover.TryRemove(run.Info, run.Folder, "retention", out _)) removed.Add(run.Info.Id);
        }

        return removed;
    }

    /// <inheritdoc/>
    protected override async Task WorkAsync(CancellationToken stopping)
    {
        await Task.Delay(s_first, Clock, stopping);
        while (true)
        {
            try
            {
                await SweepAsync(stopping);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Logger.LogWarning("old runs can't be removed: {Problem}", e.Message);
            }

            await Task.Delay(s_interval, Clock, stopping);
        }
    }

    // The time that passed by the clock against the time that really passed.
    private bool Jumped(DateTimeOffset now)
    {
        TimeSpan jump = now - _seen.Time - Clock.GetElapsedTime(_seen.Timestamp);
        _seen = (now, Clock.GetTimestamp());
        return jump.Duration() > s_largestJump;
    }

    private bool IsTagged(RunInfo run) => run.Tags.Contains(KeepTag) || notes.Of(run.Id).Tags.Contains(KeepTag);
}
