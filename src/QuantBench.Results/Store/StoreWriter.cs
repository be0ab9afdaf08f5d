using System.Text.Json;
using Microsoft.Data.Sqlite;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;

namespace QuantBench.Results.Store;

/// <summary>
/// Writes rows with prepared statements over one connection. EF Core isn't used here: building its model would take longer than
/// everything else a short run does, and a change tracker would grow with each cell.
/// </summary>
internal sealed class StoreWriter : IDisposable
{
    private const string RunSql = """
        INSERT INTO runs (id, suite, suite_sha256, started_ms, finished_ms, status, cell_count, machine_id, host, cpu, folder, info)
        VALUES ($id, $suite, $suite_sha256, $started_ms, $finished_ms, $status, $cell_count, $machine_id, $host, $cpu, $folder, $info)
        ON CONFLICT (id) DO UPDATE SET suite = excluded.suite, suite_sha256 = excluded.suite_sha256, started_ms = excluded.started_ms,
            finished_ms = excluded.finished_ms, status = excluded.status, cell_count = excluded.cell_count, machine_id = excluded.machine_id,
            host = excluded.host, cpu = excluded.cpu, folder = excluded.folder, info = excluded.info
        """;

    private const string CellSql = """
        INSERT INTO cells (run_id, cell_id, model, variant, backend, workload, settings, status, reason, failure, started_ms, seconds, details)
        VALUES ($run_id, $cell_id, $model, $variant, $backend, $workload, $settings, $status, $reason, $failure, $started_ms, $seconds, $details)
        ON CONFLICT (run_id, cell_id) DO UPDATE SET status = excluded.status, reason = excluded.reason, failure = excluded.failure,
            started_ms = excluded.started_ms, seconds = excluded.seconds, details = excluded.details
        RETURNING id
        """;

    private const string ClearSql = "DELETE FROM measurements WHERE cell_row_id = $cell_row_id";

    private const string MeasurementSql = """
        INSERT INTO measurements
            (cell_row_id, name, unit, direction, value, error, n, mean, sd, median, min, max, p90, p95, p99, ci_low, ci_high, protocol, notes)
        VALUES
            ($cell_row_id, $name, $unit, $direction, $value, $error, $n, $mean, $sd, $median, $min, $max, $p90, $p95, $p99, $ci_low, $ci_high,
             $protocol, $notes)
        RETURNING id
        """;

    private const string SampleSql = "INSERT INTO samples (measurement_id, count, data) VALUES ($measurement_id, $count, $data)";

    private readonly SqliteCommand _run;
    private readonly SqliteCommand _cell;
    private readonly SqliteCommand _clear;
    private readonly SqliteCommand _measurement;
    private readonly SqliteCommand _sample;

    public StoreWriter(SqliteConnection connection)
    {
        _run = Prepare(connection, RunSql, "id", "suite", "suite_sha256", "started_ms", "finished_ms", "status", "cell_count", "machine_id", "host", "cpu", "folder", "info");
        _cell = Prepare(connection, CellSql, "run_id", "cell_id", "model", "variant", "backend", "workload", "settings", "status", "reason", "failure", "started_ms", "seconds", "details");
        _clear = Prepare(connection, ClearSql, "cell_row_id");
        _measurement = Prepare(
            connection, MeasurementSql, "cell_row_id", "name", "unit", "direction", "value", "error", "n", "mean", "sd", "median", "min", "max", "p90", "p95", "p99", "ci_low", "ci_high", "protocol", "notes");
        _sample = Prepare(connection, SampleSql, "measurement_id", "count", "data");
    }

    public void Run(RunInfo info, string folder, SqliteTransaction transaction)
    {
        Bind(
            _run, transaction, info.Id, info.Suite, info.SuiteSha256, info.Started.ToUnixTimeMilliseconds(), info.Finished?.ToUnixTimeMilliseconds(),
            Name(info.Status), info.CellCount, info.Fingerprint.MachineId, info.Fingerprint.Host, info.Fingerprint.Cpu, folder,
            JsonSerializer.Serialize(info, Json.Line));
        _run.ExecuteNonQuery();
    }

    public void Cell(string runId, CellResult result, SqliteTransaction transaction)
    {
        Cell cell = result.Cell;
        Bind(
            _cell, transaction, runId, cell.Id.Value, cell.Model, cell.Variant.Id, cell.Backend.ToString(), cell.Workload, cell.Settings.ToString(),
            Name(result.Status), result.Reason, result.Failure is { } failure ? Name(failure) : null,
            result.Started.ToUnixTimeMilliseconds(), result.Seconds, Details(result));
        long cellRow = (long)_cell.ExecuteScalar()!; // RETURNING gives exactly one row
        Bind(_clear, transaction, cellRow);
        _clear.ExecuteNonQuery();
        foreach (Measurement m in result.Metrics)
        {
            Bind(
                _measurement, transaction, cellRow, m.Name, m.Unit, Name(m.Direction), m.Value, m.Error, m.N, m.Mean, m.StandardDeviation, m.Median, m.Min,
                m.Max, m.P90, m.P95, m.P99, m.Ci95 is [double low, _] ? low : null, m.Ci95 is [_, double high] ? high : null, m.Protocol,
                m.Notes is { IsDefaultOrEmpty: false } notes ? JsonSerializer.Serialize(notes, Json.Line) : null);
            long row = (long)_measurement.ExecuteScalar()!; // as above
            if (m.Samples is not { Length: > 0 } samples) continue;
            Bind(_sample, transaction, row, samples.Length, SampleRow.Pack(samples));
            _sample.ExecuteNonQuery();
        }
    }

    public void Dispose()
    {
        _run.Dispose();
        _cell.Dispose();
        _clear.Dispose();
        _measurement.Dispose();
        _sample.Dispose();
    }

    private static SqliteCommand Prepare(SqliteConnection connection, string sql, params ReadOnlySpan<string> parameters)
    {
        SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: every text is a constant of this class.
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach (string parameter in parameters) command.Parameters.Add(new SqliteParameter { ParameterName = "$" + parameter });
        return command;
    }

    private static void Bind(SqliteCommand command, SqliteTransaction transaction, params ReadOnlySpan<object?> values)
    {
        command.Transaction = transaction;
        for (int i = 0; i < values.Length; i++)
        {
            // SQLite has no NaN: it would be stored as NULL, and the provider refuses it.
            command.Parameters[i].Value = values[i] switch { null => DBNull.Value, double d when double.IsNaN(d) => DBNull.Value, var v => v };
        }
    }

    // Enums are stored by the names the files use.
    private static string Name<T>(T value)
        where T : struct, Enum => JsonSerializer.Serialize(value, Json.Line).Trim('"');

    private static string? Details(CellResult result)
    {
        if (result.Notes is not { IsDefaultOrEmpty: false } && result.Provenance.IsEmpty && result.Conditions.IsEmpty) return null;
        return JsonSerializer.Serialize(new { notes = result.Notes ?? [], provenance = result.Provenance, conditions = result.Conditions }, Json.Line);
    }
}
