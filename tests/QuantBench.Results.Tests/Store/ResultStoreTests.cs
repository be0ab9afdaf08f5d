using System.Collections.Immutable;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.Results.Store.Migrations;
using QuantBench.SampleData;

namespace QuantBench.Results.Tests.Store;

public sealed class ResultStoreTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Reindex_EqualsTheIncrementalIndex()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = ResultStore.Open(_root.Path);
        using (RunFolder folder = RunFolder.Create(_root.Path, sample.Info))
        {
            store.IndexRun(sample.Info);
            foreach (CellResult cell in sample.Cells)
            {
                folder.Append(cell);
                store.IndexCell(sample.Info.Id, cell);
            }
        }

        string[] incremental = Dump();
        ReindexReport report = store.Reindex();

        Assert.Equal(incremental, Dump());
        Assert.Equal((1, sample.Cells.Length), (report.Runs, report.Cells));
        Assert.Empty(report.Skipped);
        Assert.Equal(1 + sample.Cells.Length + sample.Cells.Sum(c => c.Metrics.Length), incremental.Length);
    }

    [Fact]
    public void IndexCell_Replaces_WhenTheCellIsMeasuredAgain()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = ResultStore.Open(_root.Path);
        store.IndexRun(sample.Info);
        CellResult cell = sample.Cells[2];
        store.IndexCell(sample.Info.Id, cell with { Status = CellStatus.Failed, Metrics = [], Reason = "died" });
        store.IndexCell(sample.Info.Id, cell);
        string[] twice = Dump();

        using var other = new TemporaryFolder();
        using ResultStore once = ResultStore.Open(other.Path);
        once.IndexRun(sample.Info);
        once.IndexCell(sample.Info.Id, cell);

        Assert.Equal(Dump(other.Path), twice);
    }

    [Fact]
    public void OpenContext_AnswersQueries_WithSamples()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = ResultStore.Open(_root.Path);
        store.IndexRun(sample.Info);
        foreach (CellResult cell in sample.Cells) store.IndexCell(sample.Info.Id, cell);
        using StoreContext context = store.OpenContext();

        var fastest = (
            from m in context.Measurements
            join c in context.Cells on m.CellRowId equals c.Id
            where m.Name == "tg_tps"
            orderby m.Value descending
            select new { c.Variant, m.Id, m.Value }).First();

        Assert.Equal("gguf:TQ2_0", fastest.Variant);
        Measurement expected = sample.Cells.Single(c => c.Cell.Variant.Id == "gguf:TQ2_0" && c.Cell.Workload == "latency").Metric("tg_tps")!;
        Assert.Equal(expected.Samples, SampleRow.Unpack(context.Samples.Single(s => s.MeasurementId == fastest.Id).Data));
        Assert.Equal("completed", context.Runs.Single().Status);
    }

    [Fact]
    public void RemoveRun_TakesItsCellsAlong()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = ResultStore.Open(_root.Path);
        store.IndexRun(sample.Info);
        store.IndexCell(sample.Info.Id, sample.Cells[2]);

        Assert.True(store.RemoveRun(sample.Info.Id));

        Assert.Empty(Dump());
        Assert.False(store.RemoveRun(sample.Info.Id));
    }

    [Fact]
    public void IndexCell_CostsTheSame_ForTheFirstAndTheLastOf2000()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = ResultStore.Open(_root.Path);
        store.IndexRun(sample.Info);
        CellResult[] cells = [.. Enumerable.Range(0, 2000).Select(Trivial)];
        store.IndexCell(sample.Info.Id, cells[0]); // statements are compiled once

        long first = Allocated(cells[..500]);
        Allocated(cells[500..1500]);
        long last = Allocated(cells[1500..]);

        Assert.InRange(last, first * 0.95, first * 1.05);
        using StoreContext context = store.OpenContext();
        Assert.Equal(2000, context.Cells.Count());

        long Allocated(CellResult[] part)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach (CellResult cell in part) store.IndexCell(sample.Info.Id, cell);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void IndexCell_KeepsInfinity_AndStoresNaNAsNull()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = ResultStore.Open(_root.Path);
        store.IndexRun(sample.Info);
        store.IndexCell(sample.Info.Id, Trivial(0) with { Metrics = [Measurement.Of("kl_max", double.PositiveInfinity), Measurement.Of("perplexity", double.NaN)] });
        using StoreContext context = store.OpenContext();

        Assert.Equal(double.PositiveInfinity, context.Measurements.Single(m => m.Name == "kl_max").Value);
        Assert.Null(context.Measurements.Single(m => m.Name == "perplexity").Value);
    }

    [Fact]
    public void Reindex_ReportsBrokenRuns_AndKeepsTheOthers()
    {
        RunRecord sample = SampleRun.Make();
        RunFolder.Create(_root.Path, sample.Info).Dispose();
        RunFolder.Create(_root.Path, SampleRun.Info("other")).Dispose();
        File.WriteAllText(_root["other/cells.jsonl"], "nonsense\n");
        using ResultStore store = ResultStore.Open(_root.Path);

        ReindexReport report = store.Reindex();

        Assert.Equal(1, report.Runs);
        Assert.Equal("other", Assert.Single(report.Skipped).Id);
    }

    [Fact]
    public void Open_Throws_WhenTheFileIsNoDatabase()
    {
        File.WriteAllText(_root["results.db"], new string('x', 5000));

        StoreException e = Assert.Throws<StoreException>(() => ResultStore.Open(_root.Path));

        Assert.Contains("reindex", e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_Throws_WhenTheSchemaIsNewer()
    {
        ResultStore.Open(_root.Path).Dispose();
        using (var connection = new SqliteConnection($"Data Source={_root["results.db"]};Pooling=False"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "INSERT INTO __EFMigrationsHistory VALUES ('99990101000000_Future', '99.0.0')";
            command.ExecuteNonQuery();
        }

        StoreException e = Assert.Throws<StoreException>(() => ResultStore.Open(_root.Path));

        Assert.Contains("newer", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Migrations_MatchTheModel_AndEndInTheNamedVersion()
    {
        using ResultStore store = ResultStore.Open(_root.Path);
        using StoreContext context = store.OpenContext();

        Assert.Equal(SchemaVersion.Latest, context.Database.GetMigrations().Max());
        Assert.False(context.Database.HasPendingModelChanges());
        Assert.Empty(context.Database.GetPendingMigrations());
    }

    private static CellResult Trivial(int i) => new()
    {
        Cell = new Cell("m", Variant.Parse("Q4_0"), new BackendId("llamacpp", "cpu"), "latency", CellSettings.Empty.With("seed", 10_000L + i)),
        Status = CellStatus.Ok,
        Metrics = ImmutableArray.Create(Measurement.Of("tg_tps", 100.5 + (i / 4096.0), n: 10) with { Samples = [1, 2, 3] }),
    };

    // Every row of every table as text, row numbers replaced by natural keys.
    private string[] Dump(string? root = null)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(root ?? _root.Path, "results.db")};Pooling=False");
        connection.Open();
        const string cell = "c.run_id, c.cell_id";
        return
        [
            .. Rows("SELECT 'run', * FROM runs ORDER BY id"),
            .. Rows($"SELECT 'cell', {cell}, c.model, c.variant, c.backend, c.workload, c.settings, c.status, c.reason, c.failure, c.started_ms, c.seconds, c.details FROM cells c ORDER BY {cell}"),
            .. Rows($"SELECT 'metric', {cell}, m.name, m.unit, m.direction, m.value, m.error, m.n, m.mean, m.sd, m.median, m.min, m.max, m.p90, m.p95, m.p99, m.ci_low, m.ci_high, m.protocol, m.notes, s.count, hex(s.data) FROM measurements m JOIN cells c ON m.cell_row_id = c.id LEFT JOIN samples s ON s.measurement_id = m.id ORDER BY {cell}, m.name"),
            .. Rows("SELECT 'orphan', measurement_id FROM samples WHERE measurement_id NOT IN (SELECT id FROM measurements)"),
        ];

        List<string> Rows(string sql)
        {
            using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Review SQL for injection: constants of this test.
            command.CommandText = sql;
#pragma warning restore CA2100
            using SqliteDataReader reader = command.ExecuteReader();
            var rows = new List<string>();
            while (reader.Read()) rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "∅" : reader.GetValue(i).ToString())));
            return rows;
        }
    }
}
