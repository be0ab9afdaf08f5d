using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using QuantBench.Core;
using QuantBench.Core.Runs;
using QuantBench.Lab.Notes;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Hosting;

/// <summary>
/// Removes runs that are older than an admin wants to keep, once a day. Off unless a number of days is set. What is being measured, what is
/// tagged
/// <see cref="KeepTag"/> and the newest run of each suite and machine stay, so that there is always something to compare with.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="settings">How long runs are kept.</param>
/// <param name="notes">Tags of runs.</param>
/// <param name="audit">Receives a line per run removed.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what went wrong.</param>
public sealed class RetentionSweeper(ResultStore store, ServerSettings settings, RunNotes notes, AuditLog audit, TimeProvider clock,
    ILogger<RetentionSweeper> logger) : BackgroundService
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
        long before = clock.GetUtcNow().AddDays(-days).ToUnixTimeMilliseconds();
        await using StoreContext context = store.OpenContext();
        RunRow[] old = await context.Runs.Where(r => r.StartedMs < before && r.Status != "running").ToArrayAsync(cancellationToken);
        if (old.Length == 0) return [];
        var newest =
            await context.Runs.GroupBy(r => new { r.Suite, r.MachineId })
                .Select(g => new { g.Key.Suite, g.Key.MachineId, Started = g.Max(r => r.StartedMs) }).ToArrayAsync(cancellationToken);
        HashSet<(string, string, long)> kept = [.. newest.Select(n => (n.Suite, n.MachineId, n.Started))];
        var removed = new List<string>();
        foreach (RunRow run in old.Where(r => !kept.Contains((r.Suite, r.MachineId, r.StartedMs)) && !IsTagged(r)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (await RemoveAsync(context, run, cancellationToken)) removed.Add(run.Id);
        }

        return removed;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.Delay(s_first, clock, stoppingToken);
            while (true)
            {
                try
                {
                    await SweepAsync(stoppingToken);
                }
                catch (Exception e) when (e is System.Data.Common.DbException or IOException or UnauthorizedAccessException)
                {
                    logger.LogWarning("old runs can't be removed: {Problem}", e.Message);
                }

                await Task.Delay(s_interval, clock, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops.
        }
    }

    private bool IsTagged(RunRow run) =>
        notes.Of(run.Id).Tags.Contains(KeepTag)
            || (JsonSerializer.Deserialize<RunInfo>(run.Info, Json.Line)?.Tags.Contains(KeepTag) ?? false);

    private async Task<bool> RemoveAsync(StoreContext context, RunRow run, CancellationToken cancellationToken)
    {
        string folder = Path.GetFullPath(Path.Combine(store.Root, run.Folder));
        // Only what is a run's folder right under the results: a row that says otherwise isn't followed.
        if (!RunFolder.IsValidId(run.Id)
            || Path.GetDirectoryName(folder) != Path.GetFullPath(store.Root).TrimEnd(Path.DirectorySeparatorChar)) return false;
        if (Directory.Exists(folder))
        {
            if (!File.Exists(Path.Combine(folder, RunFolder.RunFile)) || RunFolder.WriterProcess(folder) is not null) return false;
            Directory.Delete(folder, recursive: true);
        }

        // Crash point: the folder is gone, its rows aren't. The next sweep finds the rows again and removes them.
        await context.Runs.Where(r => r.Id == run.Id).ExecuteDeleteAsync(cancellationToken);
        audit.Write("retention", "run.remove", run.Id,
            $"{run.Suite}, started {DateTimeOffset.FromUnixTimeMilliseconds(run.StartedMs):yyyy-MM-dd}", null);
        return true;
    }
}
