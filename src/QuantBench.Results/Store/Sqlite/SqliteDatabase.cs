using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Store.Sqlite;

/// <summary><c>results.db</c> (WAL) in the results root.</summary>
/// <param name="resultsRoot">Absolute path of the results root.</param>
internal sealed class SqliteDatabase(string resultsRoot) : StoreDatabase
{
    /// <summary>The newest migration; a test checks it against the migrations in this folder.</summary>
    public const string LatestSchema = "20261130140000_TimingFacts";

    private const int BusySeconds = 10;

    private readonly string _file = Path.Combine(resultsRoot, ResultStore.FileName);

    public override string Shown => _file;

    public override bool IsShared => false;

    public override bool Exists => File.Exists(_file);

    // SQLite keeps the order of a CROSS JOIN.
    public override string OrderedJoin => "CROSS JOIN";

    // The plus keeps the index of runs, which has cells in the order of their hashes, out of it.
    public override string NeighboursSql => "c.id BETWEEN @low AND @high AND +c.run_id = @run";

    public override DbConnection Connect()
    {
        Directory.CreateDirectory(resultsRoot);
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

        using var context = new SqliteStoreContext(new DbContextOptionsBuilder<SqliteStoreContext>().UseSqlite(connection).Options);
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
