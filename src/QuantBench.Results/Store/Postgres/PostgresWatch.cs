using Npgsql;

namespace QuantBench.Results.Store.Postgres;

/// <summary>Listens to what writers announce. What came meanwhile is handed over with the answer to the next question.</summary>
internal sealed class PostgresWatch : StoreWatch
{
    private readonly PostgresDatabase _database;
    private readonly NpgsqlConnection _connection;
    private long _version;

    public PostgresWatch(PostgresDatabase database, NpgsqlConnection connection)
    {
        (_database, _connection) = (database, connection);
        connection.Notification += (_, _) => _version++;
        using NpgsqlCommand listen = connection.CreateCommand();
        listen.CommandText = $"LISTEN {PostgresDatabase.Channel}";
        listen.ExecuteNonQuery();
    }

    public override long Version()
    {
        try
        {
            using NpgsqlCommand ask = _connection.CreateCommand();
            ask.CommandText = "SELECT 1";
            ask.ExecuteNonQuery();
            return _version;
        }
        catch (Exception e) when (_database.Explain("can't be watched", e) is { } known)
        {
            throw known;
        }
    }

    protected override void Dispose(bool disposing) => _connection.Dispose();
}
