using Microsoft.Data.Sqlite;

namespace QuantBench.Results.Store.Sqlite;

/// <summary>Reads over one connection; SQLite has any number of answers open on it.</summary>
/// <param name="connection">The connection; disposed with this.</param>
internal sealed class SqliteReading(SqliteConnection connection) : StoreReading
{
    public override StoreRows Query(string sql, IReadOnlyList<(string Name, object Value)> parameters)
    {
        SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: callers pass constants and take values by parameters.
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach ((string name, object value) in parameters) command.Parameters.AddWithValue(name, value);
        return new SqliteRows(command);
    }

    public override void Dispose() => connection.Dispose();
}
