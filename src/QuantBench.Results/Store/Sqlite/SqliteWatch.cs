using Microsoft.Data.Sqlite;

namespace QuantBench.Results.Store.Sqlite;

/// <summary>SQLite's <c>data_version</c> changes with every commit of another connection, and asking for it reads one page.</summary>
/// <param name="database">The database.</param>
/// <param name="connection">A connection that writes nothing; disposed with this.</param>
internal sealed class SqliteWatch(SqliteDatabase database, SqliteConnection connection) : StoreWatch
{
    public override long Version()
    {
        try
        {
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA data_version";
            return (long)command.ExecuteScalar()!; // the pragma always has a row
        }
        catch (SqliteException e)
        {
            throw database.Explain("can't be watched", e)!; // of its own kind
        }
    }

    protected override void Dispose(bool disposing) => connection.Dispose();
}
