using System.Data.Common;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Queue;

/// <summary>The right to run a lab's queue. One process has it; the operating system takes it back with the process, however that
/// ends. Where the lab lies in PostgreSQL, a session's lock there keeps servers of other machines away too.</summary>
internal sealed class SchedulerLease : IDisposable
{
    private const string Setting = "scheduler_holder";
    private const int LockedUnix = 11; // EWOULDBLOCK
    private const int LockedApple = 35;
    private const int LockedWindows = unchecked((int)0x80070020);

    private const long SharedLock = 0x5175616E7453;

    private readonly FileStream _file;
    private readonly LabDatabase _database;
    private DbConnection? _session;

    private SchedulerLease(FileStream file, LabDatabase database, DbConnection? session) =>
        (_file, _database, _session) = (file, database, session);

    /// <summary>Takes the lease; null when another process has it.</summary>
    /// <param name="database">The lab's database; the lease's file lies beside it.</param>
    /// <param name="clock">The one clock.</param>
    /// <exception cref="StoreException">The file can't be made.</exception>
    public static SchedulerLease? TryTake(LabDatabase database, TimeProvider clock)
    {
        string path = database.Path + ".scheduler";
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when (e.HResult is LockedUnix or LockedApple or LockedWindows)
        {
            return null;
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"{path}: the file that keeps a second scheduler away can't be made", e);
        }

        DbConnection? session = null;
        try
        {
            if (database.IsShared && (session = database.TryHold(SharedLock)) is null)
            {
                file.Dispose();
                return null;
            }

            string holder = string.Create(CultureInfo.InvariantCulture,
                $"process {Environment.ProcessId} of {Environment.MachineName}, since {clock.GetUtcNow():yyyy-MM-dd HH:mm:ss}Z");
            database.Execute(
                "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", Setting,
                holder);
            return new SchedulerLease(file, database, session);
        }
        catch
        {
            session?.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>Takes the lock again when the session that held it is gone, as when PostgreSQL was restarted. While PostgreSQL is away
    /// nobody can take it, and what runs goes on.</summary>
    /// <exception cref="StoreException">Another server was faster.</exception>
    public void Check()
    {
        if (!_database.IsShared) return;
        try
        {
            _session?.Execute("SELECT 1");
            if (_session is not null) return;
        }
        catch (DbException)
        {
            _session?.Dispose();
            _session = null;
        }

        try
        {
            _session = _database.TryHold(SharedLock)
                ?? throw new StoreException("another server took the queue while PostgreSQL was restarted.", "This one stands by now.");
        }
        catch (DbException)
        {
            // Still away: looked for in a second.
        }
    }

    /// <summary>Who took the lease last; null when nobody did.</summary>
    public static string? Holder(LabDatabase database) =>
        database.Query(r => r.GetString(0), "SELECT value FROM settings WHERE name = $1", Setting).FirstOrDefault();

    /// <inheritdoc/>
    public void Dispose()
    {
        _session?.Dispose();
        _file.Dispose();
    }
}
