using Npgsql;

namespace QuantBench.Results.Store.Postgres;

/// <summary>Reads over a pooled connection per answer: PostgreSQL has one answer open on each.</summary>
/// <param name="source">The pool; its owner disposes it.</param>
internal sealed class PostgresReading(NpgsqlDataSource source) : StoreReading
{
    public override StoreRows Query(string sql, IReadOnlyList<(string Name, object Value)> parameters)
    {
        NpgsqlCommand command = source.CreateCommand(sql);
        foreach ((string name, object value) in parameters) command.Parameters.AddWithValue(name, value);
        return new PostgresRows(command);
    }

    public override void Dispose()
    {
        // Answers hold the connections.
    }
}
