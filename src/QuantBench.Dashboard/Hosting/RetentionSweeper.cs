using Microsoft.Extensions.Logging;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Lab.Hosting;
using QuantBench.Lab.Notes;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Hosting;

/// <summary>
/// Removes runs that are older than an admin wants to keep, once a day. Off unless a number of days is set. What is being measured, what is
/// tagged
/// <see cref="KeepTag"/> and the newest run of each suite and machine stay, so that there is always something to compare with.
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

    // an admin who mistyped the days has time to mend it after a restart
    private static readonly TimeSpan s_first = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_interval = TimeSpan.FromDays(1);

    /// <summary>Removes what is too old.</summary>
    /// <param name="cancellationToken">Stops between two runs.</param>
    /// <returns>Ids of the runs removed.</returns>
    public async Task<IReadOnlyList<string>> SweepAsync(CancellationToken cancellationToken)
    {
        if (settings.RetentionDays is not { } days) return [];
        var removed = new List<string>();
        foreach (StoredRun run in await stored.OutdatedAsync(Clock.GetUtcNow().AddDays(-days), cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!IsTagged(run.Info) && Remove(run)) removed.Add(run.Info.Id);
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

    private bool IsTagged(RunInfo run) => run.Tags.Contains(KeepTag) || notes.Of(run.Id).Tags.Contains(KeepTag);

    private bool Remove(StoredRun run)
    {
        // Only what is a run's folder right under the results: a row that says otherwise isn't followed.
        if (!RunFolder.IsValidId(run.Info.Id)
            || Path.GetDirectoryName(run.Folder) != Path.GetFullPath(store.Root).TrimEnd(Path.DirectorySeparatorChar)) return false;
        if (Directory.Exists(run.Folder))
        {
            if (!File.Exists(Path.Combine(run.Folder, RunFolder.RunFile)) || RunFolder.WriterProcess(run.Folder) is not null) return false;
            Directory.Delete(run.Folder, recursive: true);
        }

        // Crash point: the folder is gone, its rows aren't. The next sweep finds the rows again and removes them.
        using (ResultStore own = store.Again()) own.RemoveRun(run.Info.Id); // the shared store is one thread's at a time
        audit.Write("retention", "run.remove", run.Info.Id, $"{run.Info.Suite}, started {run.Info.Started:yyyy-MM-dd}", null);
        return true;
    }
}
