using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;

namespace QuantBench.Results.Store;

/// <summary>
/// Reads figures from the store without their samples: what pages and large comparisons use. Plain SQL over one connection, since building
/// EF's model costs more than the queries.
/// </summary>
public sealed class AggregateReader : IDisposable
{
    // A run of cells far apart, e.g. one resumed after many others.
    private const string ScatteredSql = "c.run_id = @run AND c.id BETWEEN @low AND @high";

    // A run's cells mostly follow each other, so they are read in the order of the tables without a sort. Where fewer than one of so many
    // rows is the run's, the index and a sort are quicker.
    private const int MostStrangers = 8;

    private const string RunColumnsSql = """
        SELECT id, suite, suite_sha256, started_ms, finished_ms, status, cell_count, machine_id, host, cpu, info FROM runs
        """;

    private const string CellColumnsSql = """
        SELECT c.id, c.model, c.variant, c.backend, c.workload, c.settings, c.status, c.reason,
            CASE WHEN c.details LIKE @meaningless THEN 1 ELSE 0 END,
        """;

    // As they stand in a cell's details; digits and a quotation mark follow, or a number.
    private const string LayerBitsText = $"\"{CellResult.LayerBits}\":\"";
    private const string YardstickText = $"\"{Yardstick.DotCondition}\":";

    private const string MeasurementColumns = """
        SELECT m.cell_row_id, m.name, m.value, m.error, m.n, m.mean, m.sd, m.ci_low, m.ci_high, m.p90, m.p95, m.p99, m.protocol, m.notes,
            m.timing
        """;

    private const string SeriesColumns = """
        SELECT c.run_id, c.cell_id, c.model, c.variant, c.backend, c.workload, c.settings, m.value, m.error, m.ci_low, m.ci_high, m.n,
            m.protocol, m.timing
        """;

    private static readonly ImmutableArray<string> s_meaningless = [CellResult.MeaninglessQuality];

    private readonly StoreDatabase _database;
    private readonly StoreReading _reading;
    private readonly bool _owned;

    private AggregateReader(StoreDatabase database, StoreReading reading, bool owned) =>
        (_database, _reading, _owned) = (database, reading, owned);

    /// <summary>Where the database is, for people.</summary>
    public string Location => _database.Shown;

    /// <summary>Opens the store of a results root for reading.</summary>
    /// <param name="resultsRoot">Directory of all run folders.</param>
    /// <param name="address">Which database; null for SQLite in the results root.</param>
    /// <exception cref="StoreException">There is no store, or it can't be opened or is of another schema.</exception>
    public static AggregateReader Open(string resultsRoot, StoreAddress? address = null)
    {
        ArgumentNullException.ThrowIfNull(resultsRoot);
        StoreDatabase database = (address ?? StoreAddress.Default).Open(Path.GetFullPath(resultsRoot));
        try
        {
            bool readers = !database.IsShared && DatabaseHome.IsReaders(resultsRoot);
            if (!database.Exists && !readers)
                throw new StoreException($"{database.Shown}: there is no results database yet.",
                    "Make it from the run folders: quantbench results reindex");
            // Opening it for writing brings an older schema up to date. A reader's index is nobody else's to keep current.
            using (ResultStore store = ResultStore.Open(resultsRoot, address))
            {
                if (readers) store.CatchUp();
            }

            return Of(database, owned: true);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>All runs, newest first.</summary>
    public ImmutableArray<RunInfo> Runs() =>
        Query($"{RunColumnsSql} ORDER BY started_ms DESC, id DESC", [], Run);

    /// <summary>A run by its id; null when the store doesn't have it.</summary>
    public RunInfo? Run(string runId) =>
        Query($"{RunColumnsSql} WHERE id = @run", [("@run", runId)], Run).FirstOrDefault();

    /// <summary>Number of a run's cells in the store; 0 when it doesn't have the run.</summary>
    public int CellCount(string runId) =>
        Query("SELECT count(*) FROM cells WHERE run_id = @run", [("@run", runId)], reader => (int)reader.Int64(0))[0];

    /// <summary>A run with all of its cells; measurements carry every aggregate but no samples, minimum, maximum or notes; cells only the
    /// mark of meaningless quality, the bits of their layers, which decide their class, and the yardstick's speed.</summary>
    /// <param name="runId">The run's id.</param>
    /// <param name="metrics">Only these metrics; empty = all.</param>
    /// <exception cref="RequestException">The store doesn't have the run.</exception>
    public RunRecord Load(string runId, params IReadOnlyCollection<string> metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        RunInfo info = Run(runId)
            ?? throw new RequestException($"run '{runId}' isn't in {_database.Shown}.", "Take it in with 'quantbench results reindex'.");
        var wanted = metrics.Count == 0 ? null : new HashSet<string>(metrics, StringComparer.Ordinal);
        var names = new TextColumn<MetricDefinition?>(name => wanted is null || wanted.Contains(name) ? MetricTable.Find(name) : null);
        var protocols = new TextColumn<string>(text => text);
        var parts = new CellColumns();
        (int count, long first, long last) = Query(
            "SELECT count(*), coalesce(min(id), 0), coalesce(max(id), 0) FROM cells WHERE run_id = @run", [("@run", runId)],
            r => ((int)r.Int64(0), r.Int64(1), r.Int64(2)))[0];
        string which = last - first < (long)count * MostStrangers ? _database.NeighboursSql : ScatteredSql;
        var cells = ImmutableArray.CreateBuilder<CellResult>(count);
        (string, object)[] range = [("@run", runId), ("@low", first), ("@high", last)];
        using StoreRows cell = Execute($"{CellColumnsSql} {LayerBitsSql}, {YardstickSql} FROM cells c WHERE {which} ORDER BY c.id",
            [.. range, ("@meaningless", $"%{CellResult.MeaninglessQuality}%"), ("@bits", LayerBitsText), ("@yardstick", YardstickText)]);
        using StoreRows measurement =
            Execute($"{MeasurementColumns} FROM cells c {_database.OrderedJoin} measurements m ON m.cell_row_id = c.id WHERE {which} ORDER "
                + $"BY c.id", range);

        // Both run in the order of the cells, so they are read side by side.
        bool more = measurement.Read();
        var list = new List<Measurement>();
        while (cell.Read())
        {
            long id = cell.Int64(0);
            list.Clear();
            while (more && measurement.Int64(0) is var of && of <= id)
            {
                if (of == id && Figure(measurement, names, protocols) is { } figure) list.Add(figure);
                more = measurement.Read();
            }

            if (parts.Cell(cell) is not { } known) continue;
            cells.Add(new CellResult
            {
                Cell = known,
                Status = parts.Status(cell),
                Reason = cell.IsNull(7) ? null : cell.Text(7),
                Notes = cell.Int64(8) != 0 ? s_meaningless : null,
                Conditions = cell.IsNull(10) ? ImmutableSortedDictionary<string, double>.Empty : YardstickOf(cell.Text(10)),
                Provenance = cell.IsNull(9) ? ImmutableSortedDictionary<string, string>.Empty : parts.Bits(cell),
                Metrics = [.. list],
            });
        }

        return new RunRecord(info, cells.ToImmutable());
    }

    /// <summary>Precision classes of a run's cells, by cell id: as <see cref="CellResult.PrecisionClass"/> says.</summary>
    /// <param name="runId">The run's id.</param>
    public Dictionary<string, PrecisionClass> Classes(string runId)
    {
        var classes = new Dictionary<string, PrecisionClass>(StringComparer.Ordinal);
        using StoreRows row = Execute($"SELECT c.cell_id, c.variant, {LayerBitsSql} FROM cells c WHERE c.run_id = @run",
            [("@run", runId), ("@bits", LayerBitsText)]);
        while (row.Read())
        {
            if (!Variant.TryParse(row.Text(1), out Variant? variant) || variant is null) continue;
            classes[row.Text(0)] = CellResult.ClassOf(variant.Scheme, row.IsNull(2) ? null : Digits(row.Text(2)));
        }

        return classes;
    }

    /// <summary>Every figure of a metric over runs, by machine and cell, oldest run first.</summary>
    /// <param name="query">Which.</param>
    public ImmutableArray<SeriesRow> Series(SeriesQuery query)
    {
        ArgumentNullException.ThrowIfNull(query);
        var runs = new Dictionary<string, (long Started, string Machine, string Host)>(StringComparer.Ordinal);
        foreach ((string id, long started, string machine, string host, string suite) in Query(
            "SELECT id, started_ms, machine_id, host, suite FROM runs", [],
            r => (r.Text(0), RowReading.Milliseconds(r.Int64(1)), r.Text(2), r.Text(3), r.Text(4))))
        {
            if (query.Machine is { } wanted && machine != wanted && host != wanted) continue;
            if (query.Suite is { } name && suite != name) continue;
            if (started < (query.SinceMs ?? long.MinValue)) continue;
            runs[id] = (started, machine, host);
        }

        // All series of a metric are found by the metric's index, some cells' by the cells'.
        string sql = query is { CellId: null, Model: null, Variant: null, Backend: null, Workload: null }
            ? $"{SeriesColumns} FROM measurements m {_database.OrderedJoin} cells c ON c.id = m.cell_row_id WHERE m.name = @metric AND "
                + "m.value IS NOT NULL AND c.status = 'ok'"
            : $"{SeriesColumns} FROM cells c {_database.OrderedJoin} measurements m ON m.cell_row_id = c.id AND m.name = @metric WHERE "
                + "m.value IS NOT NULL AND c.status = 'ok'";
        List<(string, object)> parameters = [("@metric", query.Metric)];
        foreach ((string column,
            string? value) in ((string, string?)[])[("cell_id", query.CellId), ("model", query.Model), ("variant", query.Variant),
                ("backend", query.Backend), ("workload", query.Workload)])
        {
            if (value is null) continue;
            sql += $" AND c.{column} = @{column}";
            parameters.Add(($"@{column}", value));
        }

        var rows = new List<SeriesRow>();
        using (StoreRows row = Execute(sql, parameters))
        {
            var texts = new TextColumn<string>(text => text);
            while (row.Read())
            {
                string id = row.Text(0, texts);
                if (!runs.TryGetValue(id, out (long Started, string Machine, string Host) run) || Number(row, 7) is not { } value) continue;
                TimingFacts? timing = row.IsNull(13) ? null : RowReading.Timing(row.Text(13));
                rows.Add(new SeriesRow(
                    id, run.Started, run.Machine, run.Host, row.Text(1, texts), row.Text(2, texts), row.Text(3, texts), row.Text(4, texts),
                    row.Text(5, texts), row.Text(6, texts),
                    value, Number(row, 8), Number(row, 9), Number(row, 10), Whole(row, 11),
                    row.IsNull(12) ? null : row.Text(12, texts), timing?.Mark == FigureMark.Disturbed,
                    timing is null ? 1 : Math.Max(1, timing.LaunchSamples.Length)));
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
    public void Dispose()
    {
        _reading.Dispose();
        if (_owned) _database.Dispose();
    }

    internal static AggregateReader Of(StoreDatabase database, bool owned)
    {
        try
        {
            return new AggregateReader(database, database.Read(), owned);
        }
        catch (Exception e) when (database.Explain("can't be read", e) is { } known)
        {
            throw known;
        }
    }

    private static Measurement? Figure(StoreRows row, TextColumn<MetricDefinition?> names, TextColumn<string> protocols)
    {
        if (row.Text(1, names) is not { } metric) return null; // not asked for, or of a newer version: nothing here can use it
        double? low = Number(row, 7);
        double? high = Number(row, 8);
        return new Measurement
        {
            Name = metric.Name,
            Unit = metric.Unit,
            Direction = metric.Direction,
            Value = Number(row, 2) ?? double.NaN,
            Error = Number(row, 3),
            N = Whole(row, 4),
            Mean = Number(row, 5),
            StandardDeviation = Number(row, 6),
            Ci95 = low is { } l && high is { } h ? [l, h] : null,
            P90 = Number(row, 9),
            P95 = Number(row, 10),
            P99 = Number(row, 11),
            Protocol = row.IsNull(12) ? null : row.Text(12, protocols),
            Notes = row.IsNull(13) ? null : Notes(row.Text(13)),
            Timing = row.IsNull(14) ? null : RowReading.Timing(row.Text(14)),
        };
    }

    private static ImmutableArray<string>? Notes(string json) => RowReading.TryRead(json, out ImmutableArray<string> notes) ? notes : null;

    // NULL reads as 0, so that only a 0 needs a second look.
    private static long? Whole(StoreRows row, int column) =>
        row.Int64(column) is var number && number == 0 && row.IsNull(column) ? null : number;

    private static RunInfo Run(StoreRows row) => RowReading.Run(new RunRow
    {
        Id = row.Text(0),
        Suite = row.Text(1),
        SuiteSha256 = row.Text(2),
        StartedMs = row.Int64(3),
        FinishedMs = Whole(row, 4),
        Status = row.Text(5),
        CellCount = (int)row.Int64(6),
        MachineId = row.Text(7),
        Host = row.Text(8),
        Cpu = row.Text(9),
        Folder = "",
        Info = row.Text(10),
    });

    // Absent where nothing could be computed from it.
    private static double? Number(StoreRows row, int column) =>
        row.Number(column) is { } v && !(double.IsFinite(v) && Math.Abs(v) > RunCheck.Largest) ? v : null;

    private ImmutableArray<T> Query<T>(string sql, IReadOnlyList<(string, object)> parameters, Func<StoreRows, T> row)
    {
        using StoreRows answer = Execute(sql, parameters);
        var rows = ImmutableArray.CreateBuilder<T>();
        while (answer.Read()) rows.Add(row(answer));
        return rows.ToImmutable();
    }

    private StoreRows Execute(string sql, IReadOnlyList<(string Name, object Value)> parameters)
    {
        try
        {
            return _reading.Query(sql, parameters);
        }
        catch (Exception e) when (_database.Explain("can't be read", e) is { } known)
        {
            throw known;
        }
    }

    private string LayerBitsSql => DetailSql("@bits", LayerBitsText.Length, 12);

    private string YardstickSql => DetailSql("@yardstick", YardstickText.Length, 32);

    // A few characters of a cell's details, so that the rest needn't be read.
    private string DetailSql(string key, int keyLength, int characters) =>
        $"substr(c.details, nullif({_database.PositionFunction}(c.details, {key}), 0) + {keyLength}, {characters})";

    private static ImmutableSortedDictionary<string, double> YardstickOf(string text) =>
        double.TryParse(text.Split(',', '}')[0], NumberStyles.Float, CultureInfo.InvariantCulture, out double speed)
            ? ImmutableSortedDictionary<string, double>.Empty.Add(Yardstick.DotCondition, speed)
            : ImmutableSortedDictionary<string, double>.Empty;

    private static string Digits(string text) => text.Split('"')[0];

    /// <summary>The columns of <see cref="CellColumnsSql"/>: cells share few variants, backends and settings, so each is read
    /// once.</summary>
    private sealed class CellColumns
    {
        private readonly TextColumn<string> _models = new(text => text);
        private readonly TextColumn<Variant?> _variants = new(text => Variant.TryParse(text, out Variant? variant) ? variant : null);
        private readonly TextColumn<BackendId> _backends = new(text => BackendId.TryParse(text, out BackendId id) ? id : default);
        private readonly TextColumn<string> _workloads = new(text => text);
        private readonly TextColumn<CellSettings?> _settings = new(text =>
            RowReading.TryRead(text, out CellSettings? read) && RunCheck.AreFit(read) ? read : null);
        private readonly TextColumn<CellStatus> _statuses = new(text =>
            RowReading.TryRead($"\"{text}\"", out CellStatus status) ? status : CellStatus.Failed);

        private readonly TextColumn<ImmutableSortedDictionary<string, string>> _bits = new(text =>
            ImmutableSortedDictionary<string, string>.Empty.Add(CellResult.LayerBits, Digits(text)));

        // Null for what this program doesn't know.
        public Cell? Cell(StoreRows row) =>
            row.Text(2, _variants) is { } variant && row.Text(5, _settings) is { } settings
                ? new(row.Text(1, _models), variant, row.Text(3, _backends), row.Text(4, _workloads), settings) : null;

        public CellStatus Status(StoreRows row) => row.Text(6, _statuses);

        public ImmutableSortedDictionary<string, string> Bits(StoreRows row) => row.Text(9, _bits);
    }
}
