using System.Collections.Immutable;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using QuantBench.Results.Store.Migrations;

namespace QuantBench.Results.Store;

/// <summary>
/// The store: <c>results.db</c> (SQLite, WAL) in the results root. It is an index of the run folders, never the only copy:
/// <see cref="Reindex"/> rebuilds it. Not safe for use by several threads at once; several processes may have it open.
/// </summary>
public sealed class ResultStore : IDisposable
{
    /// <summary>Name of the database file in the results root.</summary>
    public const string FileName = "results.db";

    private const int BusySeconds = 10;

    private readonly SqliteConnection _connection;
    private readonly StoreWriter _writer;

    private ResultStore(string root, SqliteConnection connection)
    {
        (Root, _connection) = (root, connection);
        _writer = new StoreWriter(connection);
    }

    /// <summary>Absolute path of the results root.</summary>
    public string Root { get; }

    /// <summary>Absolute path of the database.</summary>
    public string DatabasePath => Path.Combine(Root, FileName);

    /// <summary>Opens the store of a results root; makes or migrates the database when it is new or older than this program.</summary>
    /// <param name="resultsRoot">Directory of all run folders; made when absent.</param>
    /// <exception cref="StoreException">The database can't be opened, isn't a database, or is newer than this program.</exception>
    public static ResultStore Open(string resultsRoot)
    {
        ArgumentNullException.ThrowIfNull(resultsRoot);
        string root = Path.GetFullPath(resultsRoot);
        string file = Path.Combine(root, FileName);
        SqliteConnection? connection = null;
        try
        {
            Directory.CreateDirectory(root);
            connection = new SqliteConnection(ConnectionString(file));
            connection.Open();
            Execute(connection, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;");
            EnsureSchema(connection, file);
            return new ResultStore(root, connection);
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            connection?.Dispose();
            throw Failed(file, "can't be opened", e);
        }
        catch
        {
            connection?.Dispose();
            throw;
        }
    }

    /// <summary>Adds a run or brings its row up to date.</summary>
    /// <param name="info">The run.</param>
    /// <param name="folder">Its folder; null when it lies under the results root by its id.</param>
    /// <exception cref="StoreException">The database can't be written.</exception>
    public void IndexRun(RunInfo info, string? folder = null)
    {
        ArgumentNullException.ThrowIfNull(info);
        Write(transaction => _writer.Run(info, Relative(folder ?? Path.Combine(Root, info.Id)), transaction));
    }

    /// <summary>Adds a cell's result or replaces it; the cost doesn't depend on how many cells there are.</summary>
    /// <param name="runId">A run that <see cref="IndexRun"/> has added.</param>
    /// <param name="result">The result.</param>
    /// <exception cref="StoreException">The database can't be written, or the run isn't in it.</exception>
    public void IndexCell(string runId, CellResult result)
    {
        ArgumentNullException.ThrowIfNull(runId);
        ArgumentNullException.ThrowIfNull(result);
        Write(transaction => _writer.Cell(runId, result, transaction));
    }

    /// <summary>Takes a run and all of its cells out of the index; its folder stays.</summary>
    /// <param name="runId">The run's id.</param>
    /// <returns>False when the run wasn't there.</returns>
    public bool RemoveRun(string runId)
    {
        bool removed = false;
        Write(transaction =>
        {
            using SqliteCommand command = _connection.CreateCommand();
            command.Transaction = transaction;
            command.CommandText = "DELETE FROM runs WHERE id = $id";
            command.Parameters.AddWithValue("$id", runId);
            removed = command.ExecuteNonQuery() > 0;
        });
        return removed;
    }

    /// <summary>Rebuilds the index from the run folders under the results root, in one transaction: readers see the old index or the new.</summary>
    /// <exception cref="StoreException">The database can't be written.</exception>
    public ReindexReport Reindex()
    {
        int runs = 0;
        int cells = 0;
        var skipped = ImmutableArray.CreateBuilder<RunEntry>();
        Write(transaction =>
        {
            using (SqliteCommand clear = _connection.CreateCommand())
            {
                clear.Transaction = transaction;
                clear.CommandText = "DELETE FROM runs";
                clear.ExecuteNonQuery();
            }

            foreach (RunEntry entry in new RunCatalog(Root).List())
            {
                if (entry.Info is null)
                {
                    skipped.Add(entry);
                    continue;
                }

                IReadOnlyList<CellResult> results;
                try
                {
                    using RunFolder folder = RunFolder.OpenReadOnly(entry.Path);
                    results = folder.ReadCells();
                }
                catch (StoreException e)
                {
                    skipped.Add(entry with { Problem = e.Message });
                    continue;
                }

                _writer.Run(entry.Info, Relative(entry.Path), transaction);
                foreach (CellResult result in results) _writer.Cell(entry.Info.Id, result, transaction);
                runs++;
                cells += results.Count;
            }
        });
        return new ReindexReport(runs, cells, skipped.ToImmutable());
    }

    /// <summary>A context for queries, with a connection of its own; dispose it. Rows are not to be changed through it.</summary>
    public StoreContext OpenContext()
    {
        var context = new StoreContext(new DbContextOptionsBuilder<StoreContext>().UseSqlite(ConnectionString(DatabasePath)).Options);
        context.ChangeTracker.QueryTrackingBehavior = QueryTrackingBehavior.NoTracking;
        return context;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        _connection.Dispose();
    }

    // No pooling: a disposed store lets go of its file at once. Foreign keys on: removing a run must take its cells along.
    private static string ConnectionString(string file) => new SqliteConnectionStringBuilder
    {
        DataSource = file,
        Mode = SqliteOpenMode.ReadWriteCreate,
        Pooling = false,
        ForeignKeys = true,
        DefaultTimeout = BusySeconds,
    }.ToString();

    private static void EnsureSchema(SqliteConnection connection, string file)
    {
        // The history table is read by hand, so that the usual case, an up-to-date database, doesn't pay for EF's start.
        string? applied = LastMigration(connection);
        if (applied == SchemaVersion.Latest) return;
        if (applied is not null && string.CompareOrdinal(applied, SchemaVersion.Latest) > 0)
        {
            throw new StoreException(
                $"{file}: written by a newer QuantBench (schema {applied}).",
                "Use that version, or delete the file and run 'quantbench results reindex': the run folders hold everything.");
        }

        using var context = new StoreContext(new DbContextOptionsBuilder<StoreContext>().UseSqlite(connection).Options);
        context.Database.Migrate();
    }

    private static string? LastMigration(SqliteConnection connection)
    {
        using SqliteCommand exists = connection.CreateCommand();
        exists.CommandText = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '__EFMigrationsHistory'";
        if ((long)exists.ExecuteScalar()! == 0) return null; // count(*) is never null
        using SqliteCommand last = connection.CreateCommand();
        last.CommandText = "SELECT max(\"MigrationId\") FROM \"__EFMigrationsHistory\"";
        return last.ExecuteScalar() as string;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: callers pass constants.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private static StoreException Failed(string file, string what, Exception e) => new(
        $"{file}: {what}: {e.Message}",
        e is SqliteException { SqliteErrorCode: 5 or 6 }
            ? "Another process is writing to it; try again when it has finished."
            : "The store is only an index: delete the file and run 'quantbench results reindex'.",
        e);

    private string Relative(string folder)
    {
        string relative = Path.GetRelativePath(Root, folder);
        return relative.StartsWith("..", StringComparison.Ordinal) ? Path.GetFullPath(folder) : relative;
    }

    private void Write(Action<SqliteTransaction> write)
    {
        try
        {
            using SqliteTransaction transaction = _connection.BeginTransaction();
            write(transaction);
            transaction.Commit();
        }
        catch (SqliteException e)
        {
            throw Failed(DatabasePath, "can't be written", e);
        }
    }
}
