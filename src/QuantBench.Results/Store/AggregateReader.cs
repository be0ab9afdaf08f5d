using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using SQLitePCL;

namespace QuantBench.Results.Store;

/// <summary>
/// Reads figures from the store without their samples: what pages and large comparisons use. Plain SQL over one connection, since building
/// EF's model costs more than the queries.
/// </summary>
public sealed class AggregateReader : IDisposable
{
    // A run's cells mostly follow each other, so they are read in the order of the tables without a sort; the plus keeps the index of runs, which has
    // them in the order of their hashes, out of it.
    private const string NeighboursSql = "c.id BETWEEN $low AND $high AND +c.run_id = $run";

    // A run of cells far apart, e.g. one resumed after many others.
    private const string ScatteredSql = "c.run_id = $run AND c.id BETWEEN $low AND $high";

    // Where fewer than one of so many rows is the run's, the index and a sort are quicker.
    private const int MostStrangers = 8;

    private const string CellColumnsSql = """
        SELECT c.id, c.model, c.variant, c.backend, c.workload, c.settings, c.status, c.reason, c.details LIKE $meaningless FROM cells c
        """;

    private const string MeasurementColumnsSql = """
        SELECT m.cell_row_id, m.name, m.value, m.error, m.n, m.mean, m.sd, m.ci_low, m.ci_high, m.p90, m.p95, m.p99, m.protocol
        FROM cells c CROSS JOIN measurements m ON m.cell_row_id = c.id
        """;

    private const string SeriesColumns = """
        SELECT c.run_id, c.cell_id, c.model, c.variant, c.backend, c.workload, c.settings, m.value, m.error, m.ci_low, m.ci_high, m.n, m.protocol
        """;

    // CROSS JOIN fixes the order: all series of a metric are found by the metric's index, some cells' by the cells'.
    private const string AllSeriesSql = $"""
        {SeriesColumns} FROM measurements m CROSS JOIN cells c ON c.id = m.cell_row_id
        WHERE m.name = $metric AND m.value IS NOT NULL AND c.status = 'ok'
        """;

    private const string SomeSeriesSql = $"""
        {SeriesColumns} FROM cells c CROSS JOIN measurements m ON m.cell_row_id = c.id AND m.name = $metric
        WHERE m.value IS NOT NULL AND c.status = 'ok'
        """;

    private static readonly ImmutableArray<string> s_meaningless = [CellResult.MeaninglessQuality];

    private readonly SqliteConnection _connection;
    private readonly string _file;

    private AggregateReader(string file, SqliteConnection connection) => (_file, _connection) = (file, connection);

    /// <summary>Opens the store of a results root for reading.</summary>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    /// <exception cref="StoreException">There is no store, or it can't be opened or is of another schema.</exception>
    public static AggregateReader Open(string resultsRoot)
    {
        ArgumentNullException.ThrowIfNull(resultsRoot);
        string file = Path.Combine(Path.GetFullPath(resultsRoot), ResultStore.FileName);
        if (!File.Exists(file)) throw new StoreException($"{file}: there is no results database yet.", "Make it from the run folders: quantbench results reindex");
        using (ResultStore.Open(resultsRoot))
        {
            // Opening it for writing brings an older schema up to date.
        }

        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        try
        {
            connection.Open();
            return new AggregateReader(file, connection);
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw Failed(file, e);
        }
    }

    /// <summary>All runs, newest first.</summary>
    public ImmutableArray<RunInfo> Runs() => Query("SELECT info FROM runs ORDER BY started_ms DESC, id DESC", [], reader => Info(reader.GetString(0)));

    /// <summary>A run by its id; null when the store doesn't have it.</summary>
    public RunInfo? Run(string runId) => Query("SELECT info FROM runs WHERE id = $run", [("$run", runId)], reader => Info(reader.GetString(0))).FirstOrDefault();

    /// <summary>Number of a run's cells in the store; 0 when it doesn't have the run.</summary>
    public int CellCount(string runId) => Query("SELECT count(*) FROM cells WHERE run_id = $run", [("$run", runId)], reader => reader.GetInt32(0))[0];

    /// <summary>A run with all of its cells; measurements carry every aggregate but no samples, minimum, maximum or marks; cells only the mark of meaningless quality.</summary>
    /// <param name="runId">The run's id.</param>
    /// <param name="metrics">Only these metrics; empty = all.</param>
    /// <exception cref="RequestException">The store doesn't have the run.</exception>
    public RunRecord Load(string runId, params IReadOnlyCollection<string> metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        RunInfo info = Run(runId) ?? throw new RequestException($"run '{runId}' isn't in {_file}.", "Take it in with 'quantbench results reindex'.");
        var wanted = metrics.Count == 0 ? null : new HashSet<string>(metrics, StringComparer.Ordinal);
        var names = new TextColumn<MetricDefinition?>(name => wanted is null || wanted.Contains(name) ? MetricTable.Find(name) : null);
        var protocols = new TextColumn<string>(text => text);
        var parts = new CellColumns();
        (int count, long first, long last) = Query(
            "SELECT count(*), ifnull(min(id), 0), ifnull(max(id), 0) FROM cells WHERE run_id = $run", [("$run", runId)], r => (r.GetInt32(0), r.GetInt64(1), r.GetInt64(2)))[0];
        string which = last - first < (long)count * MostStrangers ? NeighboursSql : ScatteredSql;
        var cells = ImmutableArray.CreateBuilder<CellResult>(count);
        (string, object)[] range = [("$run", runId), ("$low", first), ("$high", last)];
        using SqliteCommand cellCommand = Command($"{CellColumnsSql} WHERE {which} ORDER BY c.id", [.. range, ("$meaningless", $"%{CellResult.MeaninglessQuality}%")]);
        using SqliteDataReader cellReader = Execute(cellCommand);
        using SqliteCommand command = Command($"{MeasurementColumnsSql} WHERE {which} ORDER BY c.id", range);
        using SqliteDataReader reader = Execute(command);

        // Both run in the order of the cells, so they are read side by side. Columns are taken from the statement itself: a million of them.
        bool more = reader.Read();
        var list = new List<Measurement>();
        while (cellReader.Read())
        {
            sqlite3_stmt cell = cellReader.Handle!; // there is a row
            long id = raw.sqlite3_column_int64(cell, 0);
            list.Clear();
            while (more && raw.sqlite3_column_int64(reader.Handle!, 0) is var of && of <= id) // as above
            {
                if (of == id && Figure(reader.Handle!, names, protocols) is { } figure) list.Add(figure); // as above
                more = reader.Read();
            }

            cells.Add(new CellResult
            {
                Cell = parts.Cell(cell),
                Status = parts.Status(cell),
                Reason = IsNull(cell, 7) ? null : raw.sqlite3_column_text(cell, 7).utf8_to_string(),
                Notes = raw.sqlite3_column_int(cell, 8) != 0 ? s_meaningless : null,
                Metrics = [.. list],
            });
        }

        return new RunRecord(info, cells.ToImmutable());
    }

    /// <summary>Every figure of a metric over runs, by machine and cell, oldest run first.</summary>
    /// <param name="query">Which.</param>
    public ImmutableArray<SeriesRow> Series(SeriesQuery query)
    {
        ArgumentNullException.ThrowIfNull(query);
        var runs = new Dictionary<string, (long Started, string Machine, string Host)>(StringComparer.Ordinal);
        foreach ((string id, long started, string machine, string host, string suite) in Query(
            "SELECT id, started_ms, machine_id, host, suite FROM runs", [], r => (r.GetString(0), r.GetInt64(1), r.GetString(2), r.GetString(3), r.GetString(4))))
        {
            if (query.Machine is { } wanted && machine != wanted && host != wanted) continue;
            if (query.Suite is { } name && suite != name) continue;
            if (started < (query.SinceMs ?? long.MinValue)) continue;
            runs[id] = (started, machine, host);
        }

        string sql = query is { CellId: null, Model: null, Variant: null, Backend: null, Workload: null } ? AllSeriesSql : SomeSeriesSql;
        List<(string, object)> parameters = [("$metric", query.Metric)];
        foreach ((string column, string? value) in ((string, string?)[])[("cell_id", query.CellId), ("model", query.Model), ("variant", query.Variant), ("backend", query.Backend), ("workload", query.Workload)])
        {
            if (value is null) continue;
            sql += $" AND c.{column} = ${column}";
            parameters.Add(($"${column}", value));
        }

        var rows = new List<SeriesRow>();
        using (SqliteCommand command = Command(sql, parameters))
        using (SqliteDataReader reader = Execute(command))
        {
            var texts = new Dictionary<string, string>(StringComparer.Ordinal);
            while (reader.Read())
            {
                if (!runs.TryGetValue(reader.GetString(0), out (long Started, string Machine, string Host) run)) continue;
                rows.Add(new SeriesRow(
                    Shared(texts, reader.GetString(0)), run.Started, run.Machine, run.Host, Shared(texts, reader.GetString(1)), Shared(texts, reader.GetString(2)),
                    Shared(texts, reader.GetString(3)), Shared(texts, reader.GetString(4)), Shared(texts, reader.GetString(5)), Shared(texts, reader.GetString(6)),
                    reader.GetDouble(7), Number(reader, 8), Number(reader, 9), Number(reader, 10), reader.IsDBNull(11) ? null : reader.GetInt64(11),
                    reader.IsDBNull(12) ? null : Shared(texts, reader.GetString(12))));
            }
        }

        rows.Sort((x, y) =>
            string.CompareOrdinal(x.MachineId, y.MachineId) is not 0 and var byMachine ? byMachine
            : string.CompareOrdinal(x.CellId, y.CellId) is not 0 and var byCell ? byCell
            : x.StartedMs != y.StartedMs ? x.StartedMs.CompareTo(y.StartedMs)
            : string.CompareOrdinal(x.RunId, y.RunId));
        return [.. rows];
    }

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();

    private static string Shared(Dictionary<string, string> texts, string text)
    {
        if (texts.TryGetValue(text, out string? known)) return known;
        texts[text] = text;
        return text;
    }

    private static Measurement? Figure(sqlite3_stmt row, TextColumn<MetricDefinition?> names, TextColumn<string> protocols)
    {
        if (names.Read(row, 1) is not { } metric) return null; // not asked for, or of a newer version: nothing here can use it
        double? low = Number(row, 7);
        double? high = Number(row, 8);
        return new Measurement
        {
            Name = metric.Name,
            Unit = metric.Unit,
            Direction = metric.Direction,
            Value = Number(row, 2) ?? double.NaN,
            Error = Number(row, 3),
            N = raw.sqlite3_column_int64(row, 4) is var n && n == 0 && IsNull(row, 4) ? null : n,
            Mean = Number(row, 5),
            StandardDeviation = Number(row, 6),
            Ci95 = low is { } l && high is { } h ? [l, h] : null,
            P90 = Number(row, 9),
            P95 = Number(row, 10),
            P99 = Number(row, 11),
            Protocol = IsNull(row, 12) ? null : protocols.Read(row, 12),
        };
    }

    private static bool IsNull(sqlite3_stmt row, int column) => raw.sqlite3_column_type(row, column) == raw.SQLITE_NULL;

    // NULL reads as 0, so that only a 0 needs a second look.
    private static double? Number(sqlite3_stmt row, int column) => raw.sqlite3_column_double(row, column) is var number && number == 0 && IsNull(row, column) ? null : number;

    private static double? Number(SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetDouble(column);

    private static StoreException Failed(string file, SqliteException e) => new(
        $"{file}: can't be read: {e.Message}", "The store is only an index: delete the file and run 'quantbench results reindex'.", e);

    private RunInfo Info(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<RunInfo>(json, Json.Line) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new StoreException($"{_file}: a run's description can't be read: {e.Message}", "Delete the file and run 'quantbench results reindex'.", e);
        }
    }

    private ImmutableArray<T> Query<T>(string sql, IReadOnlyList<(string, object)> parameters, Func<SqliteDataReader, T> row)
    {
        using SqliteCommand command = Command(sql, parameters);
        using SqliteDataReader reader = Execute(command);
        var rows = ImmutableArray.CreateBuilder<T>();
        while (reader.Read()) rows.Add(row(reader));
        return rows.ToImmutable();
    }

    private SqliteCommand Command(string sql, IReadOnlyList<(string Name, object Value)> parameters)
    {
        SqliteCommand command = _connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: texts are constants of this class; column names come from a list in it.
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach ((string name, object value) in parameters) command.Parameters.AddWithValue(name, value);
        return command;
    }

    private SqliteDataReader Execute(SqliteCommand command)
    {
        try
        {
            return command.ExecuteReader();
        }
        catch (SqliteException e)
        {
            throw Failed(_file, e);
        }
    }

    /// <summary>The columns of <see cref="CellColumnsSql"/>: cells share few variants, backends and settings, so each is read once.</summary>
    private sealed class CellColumns
    {
        private readonly TextColumn<string> _models = new(text => text);
        private readonly TextColumn<Variant> _variants = new(Variant.Parse);
        private readonly TextColumn<BackendId> _backends = new(text => BackendId.TryParse(text, out BackendId id) ? id : default);
        private readonly TextColumn<string> _workloads = new(text => text);
        private readonly TextColumn<CellSettings> _settings = new(text => JsonSerializer.Deserialize<CellSettings>(text, Json.Line) ?? CellSettings.Empty);
        private readonly TextColumn<CellStatus> _statuses = new(text => JsonSerializer.Deserialize<CellStatus>($"\"{text}\"", Json.Line));

        public Cell Cell(sqlite3_stmt row) => new(_models.Read(row, 1), _variants.Read(row, 2), _backends.Read(row, 3), _workloads.Read(row, 4), _settings.Read(row, 5));

        public CellStatus Status(sqlite3_stmt row) => _statuses.Read(row, 6);
    }
}
