using System.Globalization;
using Microsoft.Data.Sqlite;

namespace QuantBench.Lab.State;

/// <summary>Statements over a connection, in its transaction if it has one. Parameters are <c>$1</c>, <c>$2</c>, ….</summary>
internal static class LabSql
{
    /// <summary>Runs a statement; gives the number of rows changed.</summary>
    public static int Execute(this SqliteConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        using SqliteCommand command = Command(connection, sql, values);
        return command.ExecuteNonQuery();
    }

    /// <summary>Reads rows; <paramref name="read"/> makes one item of the row the reader stands on.</summary>
    public static List<T> Query<T>(this SqliteConnection connection, Func<SqliteDataReader, T> read, string sql,
        params ReadOnlySpan<object?> values)
    {
        using SqliteCommand command = Command(connection, sql, values);
        using SqliteDataReader reader = command.ExecuteReader();
        var items = new List<T>();
        while (reader.Read()) items.Add(read(reader));
        return items;
    }

    /// <summary>A text; null where the column is.</summary>
    public static string? Text(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    /// <summary>A time that is always there.</summary>
    public static DateTimeOffset Time(this SqliteDataReader row, int column) =>
        DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));

    /// <summary>A time; null where the column is.</summary>
    public static DateTimeOffset? TimeOrNull(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.Time(column);

    private static SqliteCommand Command(SqliteConnection connection, string sql, ReadOnlySpan<object?> values)
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
                Enum word => word.ToString().ToLowerInvariant(),
                var other => other,
            };
            command.Parameters.AddWithValue("$" + (i + 1).ToString(CultureInfo.InvariantCulture), value);
        }

        return command;
    }
}
