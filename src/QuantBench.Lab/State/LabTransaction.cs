using Microsoft.Data.Sqlite;

namespace QuantBench.Lab.State;

/// <summary>Statements inside <see cref="LabDatabase.InTransaction"/>.</summary>
internal sealed class LabTransaction(SqliteConnection connection, SqliteTransaction transaction)
{
    public int Execute(string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteCommand command = LabDatabase.Command(connection, sql, values);
        command.Transaction = transaction;
        return command.ExecuteNonQuery();
    }

    public List<T> Query<T>(Func<SqliteDataReader, T> read, string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteCommand command = LabDatabase.Command(connection, sql, values);
        command.Transaction = transaction;
        using SqliteDataReader reader = command.ExecuteReader();
        var items = new List<T>();
        while (reader.Read()) items.Add(read(reader));
        return items;
    }
}
