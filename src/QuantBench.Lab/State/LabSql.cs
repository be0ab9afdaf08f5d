using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace QuantBench.Lab.State;

/// <summary>Statements over a connection, in its transaction if it has one. Parameters are <c>$1</c>, <c>$2</c>, …, for SQLite and
/// PostgreSQL alike; one that may be null and stands where its type can't be told is cast.</summary>
internal static class LabSql
{
    /// <summary>Runs a statement; gives the number of rows changed.</summary>
    public static int Execute(this DbConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        using DbCommand command = Command(connection, sql, values);
        return command.ExecuteNonQuery();
    }

    /// <summary>Reads rows; <paramref name="read"/> makes one item of the row the reader stands on.</summary>
    public static List<T> Query<T>(this DbConnection connection, Func<DbDataReader, T> read, string sql,
        params ReadOnlySpan<object?> values)
    {
        using DbCommand command = Command(connection, sql, values);
        using DbDataReader reader = command.ExecuteReader();
        var items = new List<T>();
        while (reader.Read()) items.Add(read(reader));
        return items;
    }

    /// <summary>A text; null where the column is.</summary>
    public static string? Text(this DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    /// <summary>A time that is always there.</summary>
    public static DateTimeOffset Time(this DbDataReader row, int column) =>
        DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));

    /// <summary>A time; null where the column is.</summary>
    public static DateTimeOffset? TimeOrNull(this DbDataReader row, int column) => row.IsDBNull(column) ? null : row.Time(column);

    private static DbCommand Command(DbConnection connection, string sql, ReadOnlySpan<object?> values)
    {
        DbCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: every text is a constant of this room; values are parameters.
        command.CommandText = sql;
#pragma warning restore CA2100
        bool named = command is SqliteCommand; // PostgreSQL's are told by their place
        for (int i = 0; i < values.Length; i++)
        {
            DbParameter parameter = command.CreateParameter();
            if (named) parameter.ParameterName = "$" + (i + 1).ToString(CultureInfo.InvariantCulture);
            parameter.Value = values[i] switch
            {
                null => DBNull.Value,
                DateTimeOffset time => time.ToUnixTimeMilliseconds(),
                bool flag => flag ? 1L : 0L,
                int number => (long)number,
                Enum word => word.ToString().ToLowerInvariant(),
                var other => other,
            };
            command.Parameters.Add(parameter);
        }

        return command;
    }
}
