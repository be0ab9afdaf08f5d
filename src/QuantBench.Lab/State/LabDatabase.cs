using Microsoft.Data.Sqlite;
using QuantBench.Core.Errors;
using QuantBench.Results.Store;

namespace QuantBench.Lab.State;

/// <summary>
/// <c>lab.db</c> in the results root: what the run folders don't hold, namely schedules, the queue, accounts, keys, notes and the audit
/// log. It is the only copy, so every write is durable when it returns. Each call opens a connection of its own; several processes may work
/// at once.
/// </summary>
public sealed class LabDatabase
{
    /// <summary>Name of the database in the results root.</summary>
    public const string FileName = "lab.db";

    private const int BusySeconds = 10;

    private LabDatabase(string path) => Path = path;

    /// <summary>Absolute path of the database.</summary>
    public string Path { get; }

    /// <summary>Opens the database of a results root; makes or migrates it when it is new or older than this program.</summary>
    /// <param name="resultsRoot">Directory of all run folders; made when absent.</param>
    /// <exception cref="StoreException">It can't be opened, isn't a database, or is newer than this program.</exception>
    public static LabDatabase Open(string resultsRoot)
    {
        ArgumentNullException.ThrowIfNull(resultsRoot);
        string root = System.IO.Path.GetFullPath(resultsRoot);
        var database = new LabDatabase(System.IO.Path.Combine(DatabaseHome.Of(root), FileName));
        try
        {
            Directory.CreateDirectory(root);
            database.Migrate();
            // It holds password hashes: nobody but the owner reads it.
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(database.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return database;
        }
        catch (Exception e) when (e is SqliteException || DiskFault.Is(e))
        {
            throw new StoreException($"{database.Path}: can't be opened: {e.Message}",
                "Check that the results directory is writable and the file isn't damaged.", e);
        }
    }

    /// <inheritdoc cref="LabSql.Execute"/>
    internal int Execute(string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteConnection connection = Connect();
        return connection.Execute(sql, values);
    }

    /// <inheritdoc cref="LabSql.Query"/>
    internal List<T> Query<T>(Func<SqliteDataReader, T> read, string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteConnection connection = Connect();
        return connection.Query(read, sql, values);
    }

    /// <summary>Does several statements as one: all or none.</summary>
    internal void InTransaction(Action<SqliteConnection> work)
    {
        using SqliteConnection connection = Connect();
        // Immediate: the lock is taken before anything is read, so what was read still holds when it is written.
        using SqliteTransaction transaction = connection.BeginTransaction(deferred: false);
        work(connection);
        transaction.Commit();
    }

    private void Migrate()
    {
        using (SqliteConnection connection = Connect()) connection.Execute("PRAGMA journal_mode = WAL"); // not in a transaction
        InTransaction(work =>
        {
            int version = work.Query(r => r.GetInt32(0), "PRAGMA user_version")[0];
            if (version > LabSchema.Steps.Length)
                throw new StoreException($"{Path}: written by a newer QuantBench (schema {version}).", "Use that version.");
            for (int step = version; step < LabSchema.Steps.Length; step++)
                work.Execute(LabSchema.Steps[step] + $"PRAGMA user_version = {step + 1};");
        });
    }

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = Path,
            Pooling = false,
            DefaultTimeout = BusySeconds,
        }.ToString());
        try
        {
            connection.Open();
            // FULL: a schedule's claim must be on the disk before its run begins, or a power cut would run it twice.
            connection.Execute("PRAGMA synchronous = FULL");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
