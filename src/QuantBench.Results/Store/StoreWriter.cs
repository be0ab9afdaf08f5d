using System.Data;
using System.Data.Common;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;

namespace QuantBench.Results.Store;

/// <summary>
/// Writes rows with prepared statements over one connection. EF Core isn't used here: building its model would take longer than
/// everything else a short run does, and a change tracker would grow with each cell. The SQL is what SQLite and PostgreSQL have in common.
/// </summary>
internal class StoreWriter : IDisposable
{
    /// <summary>Columns of a cell as they are written.</summary>
    protected static readonly (string Name, DbType Type)[] CellColumns =
    [
        ("run_id", DbType.String), ("cell_id", DbType.String), ("model", DbType.String), ("variant", DbType.String),
        ("backend", DbType.String), ("workload", DbType.String),
        ("settings", DbType.String), ("status", DbType.String), ("reason", DbType.String), ("failure", DbType.String),
        ("started_ms", DbType.Int64), ("seconds", DbType.Double),
        ("details", DbType.String),
    ];

    /// <summary>Columns of a measurement after the cell's row.</summary>
    protected static readonly (string Name, DbType Type)[] MeasurementColumns =
    [
        ("name", DbType.String), ("unit", DbType.String), ("direction", DbType.String), ("value", DbType.Double), ("error", DbType.Double),
        ("n", DbType.Int64), ("mean", DbType.Double),
        ("sd", DbType.Double), ("median", DbType.Double), ("min", DbType.Double), ("max", DbType.Double), ("p90", DbType.Double),
        ("p95", DbType.Double), ("p99", DbType.Double),
        ("ci_low", DbType.Double), ("ci_high", DbType.Double), ("protocol", DbType.String), ("notes", DbType.String),
        ("timing", DbType.String),
    ];

    private static readonly (string Name, DbType Type)[] s_runColumns =
    [
        ("id", DbType.String), ("suite", DbType.String), ("suite_sha256", DbType.String), ("started_ms", DbType.Int64),
        ("finished_ms", DbType.Int64), ("status", DbType.String),
        ("cell_count", DbType.Int32), ("machine_id", DbType.String), ("host", DbType.String), ("cpu", DbType.String),
        ("folder", DbType.String), ("info", DbType.String),
    ];

    private static readonly string s_runSql = $"""
        {Insert("runs", s_runColumns)}
        ON CONFLICT (id) DO UPDATE SET {string.Join(", ", s_runColumns.Skip(1).Select(c => $"{c.Name} = excluded.{c.Name}"))}
        """;

    private static readonly string s_cellSql = $"""
        {Insert("cells", CellColumns)}
        ON CONFLICT (run_id, cell_id) DO UPDATE SET status = excluded.status, reason = excluded.reason, failure = excluded.failure,
            started_ms = excluded.started_ms, seconds = excluded.seconds, details = excluded.details
        RETURNING id
        """;

    private static readonly string s_measurementSql =
        $"{Insert("measurements", [("cell_row_id", DbType.Int64), .. MeasurementColumns])} RETURNING id";

    private readonly DbCommand _run;
    private readonly DbCommand _remove;
    private readonly DbCommand _cell;
    private readonly DbCommand _clear;
    private readonly DbCommand _measurement;
    private readonly DbCommand _sample;

    public StoreWriter(DbConnection connection)
    {
        _run = Prepare(connection, s_runSql, s_runColumns);
        _remove = Prepare(connection, "DELETE FROM runs WHERE id = @id", ("id", DbType.String));
        _cell = Prepare(connection, s_cellSql, CellColumns);
        _clear = Prepare(connection, "DELETE FROM measurements WHERE cell_row_id = @cell_row_id", ("cell_row_id", DbType.Int64));
        _measurement = Prepare(connection, s_measurementSql, [("cell_row_id", DbType.Int64), .. MeasurementColumns]);
        _sample = Prepare(
            connection, "INSERT INTO samples (measurement_id, count, data) VALUES (@measurement_id, @count, @data)",
            ("measurement_id", DbType.Int64), ("count", DbType.Int32), ("data", DbType.Binary));
    }

    /// <summary>Adds a run or brings its row up to date.</summary>
    public void Run(RunInfo info, string folder, DbTransaction transaction)
    {
        Bind(
            _run, transaction, info.Id, info.Suite, info.SuiteSha256, info.Started.ToUnixTimeMilliseconds(),
            info.Finished?.ToUnixTimeMilliseconds(),
            Name(info.Status), info.CellCount, info.Fingerprint.MachineId, info.Fingerprint.Host, info.Fingerprint.Cpu, folder,
            JsonSerializer.Serialize(info, Json.Line));
        _run.ExecuteNonQuery();
    }

    /// <summary>Removes a run with its cells.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(string runId, DbTransaction transaction)
    {
        Bind(_remove, transaction, runId);
        return _remove.ExecuteNonQuery() > 0;
    }

    /// <summary>Adds a cell or replaces it.</summary>
    public void Cell(string runId, CellResult result, DbTransaction transaction)
    {
        Bind(_cell, transaction, CellValues(runId, result));
        long cellRow = (long)_cell.ExecuteScalar()!; // RETURNING gives exactly one row
        Bind(_clear, transaction, cellRow);
        _clear.ExecuteNonQuery();
        foreach (Measurement m in result.Metrics)
        {
            Bind(_measurement, transaction, [cellRow, .. MeasurementValues(m)]);
            long row = (long)_measurement.ExecuteScalar()!; // as above
            if (m.Samples is not { Length: > 0 } samples) continue;
            Bind(_sample, transaction, row, samples.Length, SampleRow.Pack(samples));
            _sample.ExecuteNonQuery();
        }
    }

    /// <summary>Adds cells of a run that has none yet, each of them once.</summary>
    public virtual void NewCells(string runId, IReadOnlyList<CellResult> cells, DbTransaction transaction)
    {
        foreach (CellResult cell in cells) Cell(runId, cell, transaction);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _run.Dispose();
        _remove.Dispose();
        _cell.Dispose();
        _clear.Dispose();
        _measurement.Dispose();
        _sample.Dispose();
    }

    /// <summary>Values of <see cref="CellColumns"/>.</summary>
    protected static object?[] CellValues(string runId, CellResult result)
    {
        Cell cell = result.Cell;
        return
        [
            runId, cell.Id.Value, cell.Model, cell.Variant.Id, cell.Backend.ToString(), cell.Workload, cell.Settings.ToString(),
            Name(result.Status), result.Reason,
            result.Failure is { } failure ? Name(failure) : null, result.Started.ToUnixTimeMilliseconds(), result.Seconds, Details(result),
        ];
    }

    /// <summary>Values of <see cref="MeasurementColumns"/>.</summary>
    protected static object?[] MeasurementValues(Measurement m) =>
    [
        m.Name, m.Unit, Name(m.Direction), m.Value, m.Error, m.N, m.Mean, m.StandardDeviation, m.Median, m.Min, m.Max, m.P90, m.P95, m.P99,
        m.Ci95 is [double low, _] ? low : null, m.Ci95 is [_, double high] ? high : null, m.Protocol,
        m.Notes is { IsDefaultOrEmpty: false } notes ? JsonSerializer.Serialize(notes, Json.Line) : null,
        m.Timing is { } timing ? JsonSerializer.Serialize(timing, Json.Line) : null,
    ];

    /// <summary>A value as the database takes it. No NaN: SQLite has none, and PostgreSQL sorts it above every number.</summary>
    protected virtual object? Storable(object? value) => value is double d && double.IsNaN(d) ? null : value;

    private static string Insert(string table, (string Name, DbType Type)[] columns) =>
        $"INSERT INTO {table} ({string.Join(", ", columns.Select(c => c.Name))}) VALUES "
            + $"({string.Join(", ", columns.Select(c => "@" + c.Name))})";

    private static DbCommand Prepare(DbConnection connection, string sql, params ReadOnlySpan<(string Name, DbType Type)> parameters)
    {
        DbCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: every text is made of constants of this class.
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach ((string name, DbType type) in parameters)
        {
            DbParameter parameter = command.CreateParameter();
            parameter.ParameterName = "@" + name;
            parameter.DbType = type;
            command.Parameters.Add(parameter);
        }

        return command;
    }

    // Enums are stored by the names the files use.
    private static string Name<T>(T value)
        where T : struct, Enum => JsonSerializer.Serialize(value, Json.Line).Trim('"');

    private static string? Details(CellResult result)
    {
        if (result.Notes is not { IsDefaultOrEmpty: false } && result.Provenance.IsEmpty && result.Conditions.IsEmpty) return null;
        return JsonSerializer.Serialize(new { notes = result.Notes ?? [], provenance = result.Provenance, conditions = result.Conditions },
            Json.Line);
    }

    private void Bind(DbCommand command, DbTransaction transaction, params ReadOnlySpan<object?> values)
    {
        command.Transaction = transaction;
        for (int i = 0; i < values.Length; i++) command.Parameters[i].Value = Storable(values[i]) ?? DBNull.Value;
    }
}
