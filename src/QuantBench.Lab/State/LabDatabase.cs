using System.Data.Common;
using Microsoft.Data.Sqlite;
using QuantBench.Core.Errors;
using QuantBench.Results.Store;

namespace QuantBench.Lab.State;

/// <summary>
/// What the run folders don't hold: schedules, the queue, machines and their jobs, accounts, keys, notes and the audit log. It is
/// <c>lab.db</c> in the results root, or, once <c>quantbench lab share</c> moved it there, the schema <c>lab</c> of the PostgreSQL database
/// that holds the results. It is the only copy, so every write is durable when it returns. Each call opens a connection of its own; several
/// processes may work at once.
/// </summary>
public sealed class LabDatabase : IDisposable
{
    /// <summary>Name of the database in the results root.</summary>
    public const string FileName = "lab.db";

    /// <summary>File in the results root that says that the lab's state lies in PostgreSQL.</summary>
    public const string SharedFile = "lab.shared";

    private const int BusySeconds = 10;
    private const long SchemaLock = 0x5175616E744C;

    private readonly SharedDatabase? _shared;

    private LabDatabase(string path, SharedDatabase? shared) => (Path, _shared) = (path, shared);

    /// <summary>Absolute path of the database; where it is shared, of the file that it would be here.</summary>
    public string Path { get; }

    /// <summary>Whether it lies in PostgreSQL.</summary>
    public bool IsShared => _shared is not null;

    /// <summary>Where it is, for people; never with a password.</summary>
    public string Shown => _shared?.Shown ?? Path;

    /// <summary>Locks a row that was read until the transaction ends; SQLite's transactions lock everything.</summary>
    internal string RowLock => IsShared ? " FOR UPDATE" : "";

    /// <summary>The same, leaving out rows that others have locked.</summary>
    internal string FreeRowLock => IsShared ? " FOR UPDATE SKIP LOCKED" : "";

    /// <summary>Whether a results root has a lab's state.</summary>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    public static bool IsIn(string resultsRoot) =>
        File.Exists(System.IO.Path.Combine(DatabaseHome.Of(resultsRoot), FileName)) || IsSharedBy(resultsRoot);

    /// <summary>Whether a results root's lab lies in PostgreSQL.</summary>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    public static bool IsSharedBy(string resultsRoot) => File.Exists(System.IO.Path.Combine(resultsRoot, SharedFile));

    /// <summary>Opens the database of a results root; makes or migrates it when it is new or older than this program.</summary>
    /// <param name="resultsRoot">Directory of all run folders; made when absent.</param>
    /// <param name="store">Where results are stored; null for the results root's own.</param>
    /// <exception cref="StoreException">It can't be opened, isn't a database, or is newer than this program.</exception>
    public static LabDatabase Open(string resultsRoot, StoreAddress? store = null)
    {
        ArgumentNullException.ThrowIfNull(resultsRoot);
        string root = System.IO.Path.GetFullPath(resultsRoot);
        return IsSharedBy(root) ? OpenShared(root, store ?? StoreAddress.Default) : OpenOwn(root);
    }

    /// <summary>Opens the <c>lab.db</c> of a results root, wherever the lab's state lies.</summary>
    internal static LabDatabase OpenOwn(string root)
    {
        var database = new LabDatabase(System.IO.Path.Combine(DatabaseHome.Of(root), FileName), null);
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

    /// <summary>Opens the lab's state in PostgreSQL, wherever the results root's lies.</summary>
    internal static LabDatabase OpenShared(string root, StoreAddress store)
    {
        SharedDatabase shared = SharedDatabase.Of(store, root)
            ?? throw new StoreException($"{root}: the lab's accounts, schedules and queue lie in PostgreSQL, and no --store names it.",
                $"Name it with --store or {StoreAddress.Variable}, as when 'quantbench lab share' was run.");
        var database = new LabDatabase(System.IO.Path.Combine(root, FileName), shared);
        try
        {
            Directory.CreateDirectory(root);
            database.MigrateShared();
            return database;
        }
        catch (Exception e) when (shared.Explain("the lab's tables can't be opened", e) is { } known)
        {
            shared.Dispose();
            throw known;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _shared?.Dispose();

    /// <inheritdoc cref="LabSql.Execute"/>
    internal int Execute(string sql, params ReadOnlySpan<object?> values)
    {
        using DbConnection connection = Connect();
        return connection.Execute(sql, values);
    }

    /// <inheritdoc cref="LabSql.Query"/>
    internal List<T> Query<T>(Func<DbDataReader, T> read, string sql, params ReadOnlySpan<object?> values)
    {
        using DbConnection connection = Connect();
        return connection.Query(read, sql, values);
    }

    /// <summary>Does several statements as one: all or none.</summary>
    internal void InTransaction(Action<DbConnection> work)
    {
        using DbConnection connection = Connect();
        // Immediate: the lock is taken before anything is read, so what was read still holds when it is written.
        using DbTransaction transaction = connection is SqliteConnection own ? own.BeginTransaction(deferred: false)
            : connection.BeginTransaction();
        work(connection);
        transaction.Commit();
    }

    /// <summary>A connection that holds what <c>pg_try_advisory_lock</c> gives; null when another process has it.</summary>
    internal DbConnection? TryHold(long number)
    {
        DbConnection connection = Connect();
        if (connection.Query(r => r.GetBoolean(0), $"SELECT pg_try_advisory_lock({number})")[0]) return connection;
        connection.Dispose();
        return null;
    }

    private void Migrate()
    {
        using (DbConnection connection = Connect()) connection.Execute("PRAGMA journal_mode = WAL"); // not in a transaction
        InTransaction(work =>
        {
            int version = work.Query(r => r.GetInt32(0), "PRAGMA user_version")[0];
            CheckVersion(version, LabSchema.Steps.Length);
            for (int step = version; step < LabSchema.Steps.Length; step++)
                work.Execute(LabSchema.Steps[step] + $"PRAGMA user_version = {step + 1};");
        });
    }

    private void MigrateShared()
    {
        InTransaction(work =>
        {
            // Freed with the transaction.
            work.Execute($"SELECT pg_advisory_xact_lock({SchemaLock})");
            if (work.Query(r => r.GetBoolean(0), "SELECT to_regclass('lab.version') IS NULL")[0])
                work.Execute("CREATE SCHEMA IF NOT EXISTS lab; CREATE TABLE lab.version (step BIGINT NOT NULL)");
            int version = (int)work.Query(r => r.GetInt64(0), "SELECT coalesce(max(step), 0) FROM lab.version")[0];
            CheckVersion(version, LabSchema.SharedSteps.Length);
            for (int step = version; step < LabSchema.SharedSteps.Length; step++)
            {
                work.Execute(LabSchema.SharedSteps[step]);
                work.Execute($"INSERT INTO lab.version (step) VALUES ({step + 1})");
            }
        });
    }

    private void CheckVersion(int version, int known)
    {
        if (version > known) throw new StoreException($"{Shown}: written by a newer QuantBench (schema {version}).", "Use that version.");
    }

    private DbConnection Connect()
    {
        if (_shared is not null)
        {
            DbConnection pooled = _shared.Connect();
            try
            {
                pooled.Execute("SET search_path TO lab");
                return pooled;
            }
            catch
            {
                pooled.Dispose();
                throw;
            }
        }

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
