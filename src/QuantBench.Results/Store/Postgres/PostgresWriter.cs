using System.Data;
using System.Data.Common;
using Npgsql;
using NpgsqlTypes;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;

namespace QuantBench.Results.Store.Postgres;

/// <summary>Whole runs go by binary COPY: three streams instead of a question and an answer for each row.</summary>
/// <param name="connection">The connection.</param>
internal sealed class PostgresWriter(NpgsqlConnection connection) : StoreWriter(connection)
{
    public override void NewCells(string runId, IReadOnlyList<CellResult> cells, DbTransaction transaction)
    {
        long[] rows = Numbers("cells", cells.Count);
        using (NpgsqlBinaryImporter copy = Copy("cells", "id", CellColumns))
        {
            for (int i = 0; i < cells.Count; i++) Write(copy, rows[i], CellColumns, CellValues(runId, cells[i]));
            copy.Complete();
        }

        (long Cell, Measurement Metric)[] metrics = [.. cells.Zip(rows).SelectMany(c => c.First.Metrics.Select(m => (c.Second, m)))];
        long[] numbers = Numbers("measurements", metrics.Length);
        (string, DbType)[] columns = [("cell_row_id", DbType.Int64), .. MeasurementColumns];
        using (NpgsqlBinaryImporter copy = Copy("measurements", "id", columns))
        {
            for (int i = 0; i < metrics.Length; i++)
                Write(copy, numbers[i], columns, [metrics[i].Cell, .. MeasurementValues(metrics[i].Metric)]);
            copy.Complete();
        }

        (string, DbType)[] samples = [("count", DbType.Int32), ("data", DbType.Binary)];
        using (NpgsqlBinaryImporter copy = Copy("samples", "measurement_id", samples))
        {
            for (int i = 0; i < metrics.Length; i++)
            {
                if (metrics[i].Metric.Samples is { Length: > 0 } values)
                    Write(copy, numbers[i], samples, [values.Length, SampleRow.Pack(values)]);
            }

            copy.Complete();
        }
    }

    // PostgreSQL's texts can't hold the character 0; the tail of a log may.
    protected override object? Storable(object? value) =>
        base.Storable(value) is string text && text.Contains('\0', StringComparison.Ordinal) ? text.Replace('\0', '\uFFFD')
            : base.Storable(value);

    // As many numbers of new rows, rising.
    private long[] Numbers(string table, int count)
    {
        using NpgsqlCommand command = connection.CreateCommand();
        command.CommandText = "SELECT nextval(pg_get_serial_sequence(@table, 'id')) FROM generate_series(1, @count)";
        command.Parameters.AddWithValue("table", table);
        command.Parameters.AddWithValue("count", count);
        using NpgsqlDataReader reader = command.ExecuteReader();
        long[] numbers = new long[count];
        for (int i = 0; i < count && reader.Read(); i++) numbers[i] = reader.GetInt64(0);
        return numbers;
    }

    private NpgsqlBinaryImporter Copy(string table, string key, (string Name, DbType Type)[] columns) =>
        connection.BeginBinaryImport($"COPY {table} ({key}, {string.Join(", ", columns.Select(c => c.Name))}) FROM STDIN (FORMAT BINARY)");

    private void Write(NpgsqlBinaryImporter copy, long key, (string Name, DbType Type)[] columns, object?[] values)
    {
        copy.StartRow();
        copy.Write(key, NpgsqlDbType.Bigint);
        for (int i = 0; i < columns.Length; i++)
        {
            switch (Storable(values[i]))
            {
                case null: copy.WriteNull(); break;
                case string text: copy.Write(text, NpgsqlDbType.Text); break;
                case long number: copy.Write(number, NpgsqlDbType.Bigint); break;
                case int number: copy.Write(number, NpgsqlDbType.Integer); break;
                case double number: copy.Write(number, NpgsqlDbType.Double); break;
                case byte[] bytes: copy.Write(bytes, NpgsqlDbType.Bytea); break;
                case { } other: throw new InvalidOperationException($"{columns[i].Name}: {other.GetType()}");
            }
        }
    }
}
