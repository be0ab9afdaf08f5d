using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using QuantBench.Dashboard.Queries;
using QuantBench.Lab.Hosting;
using QuantBench.Lab.State;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Live;

/// <summary>
/// Notices when any process changes the store or the lab's database, within half a second.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="lab">The lab's database.</param>
/// <param name="cache">Told of each change of the store.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what went wrong.</param>
internal sealed class ResultWatcher(ResultStore store, LabDatabase lab, StoreCache cache, TimeProvider clock, ILogger<ResultWatcher> logger)
    : SteadyService("watching the results", clock, logger)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);

    /// <summary>Raised after a change, on a thread of the pool.</summary>
    public event Action? Changed;

    /// <inheritdoc/>
    protected override async Task WorkAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(s_interval, Clock);
        StoreWatch? results = null;
        SqliteConnection? labs = null;
        try
        {
            long? seen = null;
            long? seenLab = null;
            bool blind = false;
            while (await timer.WaitForNextTickAsync(stopping))
            {
                try
                {
                    results ??= store.Watch();
                    // A shared lab's changes are announced on the store's channel.
                    if (!lab.IsShared) labs ??= Open(lab.Path);
                    long now = results.Version();
                    long nowLab = labs is null ? 0 : Version(labs);
                    // What happened while nothing could be seen isn't known.
                    bool changed = blind || (seen is not null && now != seen);
                    bool changedLab = seenLab is not null && nowLab != seenLab;
                    if (blind)
                    {
                        // Runs that were recorded meanwhile are in their folders only.
                        using (ResultStore own = store.Again()) own.CatchUp();
                        Logger.LogWarning("the store is back: {Store}", store.Location);
                    }

                    (seen, seenLab, blind) = (now, nowLab, false);
                    if (!changed && !changedLab) continue;
                    cache.Changed();
                    Changed?.Invoke();
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    if (!blind) Logger.LogWarning("the store can't be watched: {Problem}", store.Explain(e)?.Message ?? e.Message);
                    results?.Dispose();
                    labs?.Dispose();
                    (results, labs, seen, seenLab, blind) = (null, null, null, null, true);
                }
            }
        }
        finally
        {
            results?.Dispose();
            labs?.Dispose();
        }
    }

    private static SqliteConnection Open(string path)
    {
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }

    private static long Version(SqliteConnection connection)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "PRAGMA data_version";
        return (long)command.ExecuteScalar()!; // the pragma always has a row
    }
}
