using System.Globalization;
using Microsoft.Data.Sqlite;
using QuantBench.Core.Errors;

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
        var database = new LabDatabase(System.IO.Path.Combine(root, FileName));
        try
        {
            Directory.CreateDirectory(root);
            database.Migrate();
            // It holds password hashes: nobody but the owner reads it.
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(database.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return database;
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new StoreException($"{database.Path}: can't be opened: {e.Message}",
                "Check that the results directory is writable and the file isn't damaged.", e);
        }
    }

    /// <summary>Runs a statement.</summary>
    /// <param name="sql">The statement, with parameters <c>$1</c>, <c>$2</c>, ….</param>
    /// <param name="values">Their values.</param>
    /// <returns>Number of rows changed.</returns>
    internal int Execute(string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteConnection connection = Connect();
        using SqliteCommand command = Command(connection, sql, values);
        return command.ExecuteNonQuery();
    }

    /// <summary>Reads rows.</summary>
    /// <param name="read">Makes one item of the row the reader stands on.</param>
    /// <param name="sql">The query, with parameters <c>$1</c>, <c>$2</c>, ….</param>
    /// <param name="values">Their values.</param>
    internal List<T> Query<T>(Func<SqliteDataReader, T> read, string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteConnection connection = Connect();
        using SqliteCommand command = Command(connection, sql, values);
        using SqliteDataReader reader = command.ExecuteReader();
        var items = new List<T>();
        while (reader.Read()) items.Add(read(reader));
        return items;
    }

    /// <summary>Reads one figure; null when the query has no row.</summary>
    internal long? Scalar(string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteConnection connection = Connect();
        using SqliteCommand command = Command(connection, sql, values);
        return command.ExecuteScalar() is { } value and not DBNull ? Convert.ToInt64(value, CultureInfo.InvariantCulture) : null;
    }

    /// <summary>Does several statements as one: all or none.</summary>
    internal void InTransaction(Action<LabTransaction> work)
    {
        using SqliteConnection connection = Connect();
        // Immediate: the lock is taken before anything is read, so what was read still holds when it is written.
        using SqliteTransaction transaction = connection.BeginTransaction(deferred: false);
        work(new LabTransaction(connection, transaction));
        transaction.Commit();
    }

    internal static SqliteCommand Command(SqliteConnection connection, string sql, ReadOnlySpan<object?> values)
    {
        SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: every text is a constant of this room; values are parameters.
        command.CommandText = sql;
#pragma warning restore CA2100
        for (int i = 0; i < values.Length; i++)
        {
            object value = values[i] switch
            {
                null => DBNull.Value,
                DateTimeOffset time => time.ToUnixTimeMilliseconds(),
                bool flag => flag ? 1L : 0L,
                Enum word => Word(word),
                var other => other,
            };
            command.Parameters.AddWithValue("$" + (i + 1).ToString(CultureInfo.InvariantCulture), value);
        }

        return command;
    }

    /// <summary>An enum's name as the tables hold it.</summary>
    internal static string Word(Enum value) => value.ToString().ToLowerInvariant();

    private void Migrate()
    {
        using SqliteConnection connection = Connect();
        using (SqliteCommand wal = Command(connection, "PRAGMA journal_mode = WAL", [])) wal.ExecuteNonQuery();
        using SqliteTransaction transaction = connection.BeginTransaction(deferred: false);
        using SqliteCommand ask = Command(connection, "PRAGMA user_version", []);
        ask.Transaction = transaction;
        int version = Convert.ToInt32(ask.ExecuteScalar(), CultureInfo.InvariantCulture);
        if (version > LabSchema.Steps.Length)
            throw new StoreException($"{Path}: written by a newer QuantBench (schema {version}).", "Use that version.");
        for (int step = version; step < LabSchema.Steps.Length; step++)
        {
            using SqliteCommand apply = Command(connection, LabSchema.Steps[step] + $"PRAGMA user_version = {step + 1};", []);
            apply.Transaction = transaction;
            apply.ExecuteNonQuery();
        }

        transaction.Commit();
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
            using SqliteCommand pragma = Command(connection, "PRAGMA synchronous = FULL", []);
            pragma.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
