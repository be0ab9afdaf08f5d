using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Store.Sqlite;

/// <summary><c>results.db</c> (WAL) in the results root, or where <see cref="DatabaseHome"/> says.</summary>
/// <param name="resultsRoot">Absolute path of the results root.</param>
internal sealed class SqliteDatabase(string resultsRoot) : StoreDatabase
{
    /// <summary>The newest migration; a test checks it against the migrations in this folder.</summary>
    public const string LatestSchema = "20261130140000_TimingFacts";

    private const int BusySeconds = 10;
    private const int SchemaSeconds = 20;

    private readonly string _file = Path.Combine(DatabaseHome.Of(resultsRoot), ResultStore.FileName);

    public override string Shown => _file;

    public override bool IsShared => false;

    public override bool Exists => File.Exists(_file);

    // SQLite keeps the order of a CROSS JOIN.
    public override string OrderedJoin => "CROSS JOIN";

    // The plus keeps the index of runs, which has cells in the order of their hashes, out of it.
    public override string NeighboursSql => "c.id BETWEEN @low AND @high AND +c.run_id = @run";

    public override string PositionFunction => "instr";

    public override DbConnection Connect()
    {
        Directory.CreateDirectory(resultsRoot);
        CheckNeighbours();
        var connection = new SqliteConnection(ConnectionString(SqliteOpenMode.ReadWriteCreate));
        try
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";
            command.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public override StoreContext Context() =>
        new SqliteStoreContext(
            new DbContextOptionsBuilder<SqliteStoreContext>().UseSqlite(ConnectionString(SqliteOpenMode.ReadWriteCreate)).Options);

    public override StoreReading Read() => new SqliteReading(OpenToRead());

    public override StoreWatch Watch() => new SqliteWatch(this, OpenToRead());

    public override void EnsureSchema(DbConnection connection)
    {
        // The history table is read by hand, so that the usual case, an up-to-date database, doesn't pay for EF's start.
        string? applied = LastMigration(connection);
        if (applied == LatestSchema) return;
        if (applied is not null && string.CompareOrdinal(applied, LatestSchema) > 0)
        {
            throw new StoreException(
                $"{_file}: written by a newer QuantBench (schema {applied}).",
                "Use that version, or delete the file and run 'quantbench results reindex': the run folders hold everything.");
        }

        using SqliteConnection held = LockSchema();
        if (LastMigration(connection) == LatestSchema) return; // another process made them meanwhile
        using var context = new SqliteStoreContext(new DbContextOptionsBuilder<SqliteStoreContext>().UseSqlite(connection).Options);
        // EF's own lock is a row that outlives whoever set it, and is waited for without end. With ours held nobody lives who set it.
        context.Database.ExecuteSqlRaw("DROP TABLE IF EXISTS \"__EFMigrationsLock\"");
        context.Database.Migrate();
    }

    public override StoreException? Explain(string what, Exception e) => e is SqliteException || DiskFault.Is(e)
        ? new StoreException(
            $"{_file}: {what}: {e.Message}",
            e is SqliteException { SqliteErrorCode: 5 or 6 }
                ? "Another process is writing to it; try again when it has finished."
                : "The store is only an index: delete the file and run 'quantbench results reindex'.",
            e)
        : null;

    public override void Dispose()
    {
        // Each connection is its user's.
    }

    // A transaction on a file beside the database: the system ends it with its process, and the wait for it is bounded.
    private SqliteConnection LockSchema()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = _file + ".schema",
            Pooling = false,
            DefaultTimeout = SchemaSeconds,
        }.ToString());
        try
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "BEGIN EXCLUSIVE";
            command.ExecuteNonQuery();
            return connection;
        }
        catch (SqliteException e) when (e.SqliteErrorCode is 5 or 6)
        {
            connection.Dispose();
            throw new StoreException($"{_file}: another QuantBench makes its tables and wasn't done after {SchemaSeconds} s.",
                "Wait until it has finished, or stop it; then try again.", e);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // What SQLite writes beside its file; a directory of such a name makes every access fail without saying why.
    private void CheckNeighbours()
    {
        if (((string[])["-journal", "-wal", "-shm"]).Select(s => _file + s).FirstOrDefault(Directory.Exists) is { } taken)
            throw new StoreException($"{taken}: a directory lies where the database keeps its own file.", "Move it away, then try again.");
    }

    private static string? LastMigration(DbConnection connection)
    {
        using DbCommand exists = connection.CreateCommand();
        exists.CommandText = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '__EFMigrationsHistory'";
        if ((long)exists.ExecuteScalar()! == 0) return null; // count(*) is never null
        using DbCommand last = connection.CreateCommand();
        last.CommandText = "SELECT max(\"MigrationId\") FROM \"__EFMigrationsHistory\"";
        return last.ExecuteScalar() as string;
    }

    private SqliteConnection OpenToRead()
    {
        var connection = new SqliteConnection(ConnectionString(SqliteOpenMode.ReadOnly));
        try
        {
            connection.Open();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // No pooling: a disposed store lets go of its file at once. Foreign keys on: removing a run must take its cells along.
    private string ConnectionString(SqliteOpenMode mode) => new SqliteConnectionStringBuilder
    {
        DataSource = _file,
        Mode = mode,
        Pooling = false,
        ForeignKeys = true,
        DefaultTimeout = BusySeconds,
    }.ToString();
}
