using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;
using QuantBench.SampleData;
using QuantBench.TestKit.Databases;

namespace QuantBench.Results.Tests.Store;

/// <summary>What every database system's store does.</summary>
public abstract class ResultStoreContract : IDisposable
{
    private readonly List<TemporaryFolder> _roots = [];

    internal TemporaryFolder Root => _roots.Count > 0 ? _roots[0] : NewRoot();

    public void Dispose()
    {
        foreach (TemporaryFolder root in _roots) root.Dispose();
        GC.SuppressFinalize(this);
    }

    [ProviderFact]
    public void Reindex_EqualsTheIncrementalIndex()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = Open();
        using (RunFolder folder = RunFolder.Create(Root.Path, sample.Info))
        {
            store.IndexRun(sample.Info);
            foreach (CellResult cell in sample.Cells)
            {
                folder.Append(cell);
                store.IndexCell(sample.Info.Id, cell);
            }
        }

        string[] incremental = Dump(store);
        ReindexReport report = store.Reindex();

        Assert.Equal(incremental, Dump(store));
        Assert.Equal((1, sample.Cells.Length), (report.Runs, report.Cells));
        Assert.Empty(report.Skipped);
        Assert.Equal(1 + sample.Cells.Length + sample.Cells.Sum(c => c.Metrics.Length), incremental.Length);
    }

    [ProviderFact]
    public async Task Reading_ShowsWhatItCan_WhenRowsAreBroken()
    {
        using ResultStore store = Open();
        string[] broken =
        [
            "info = '{}'", "info = 'no json'", "info = replace(info, '\"fingerprint\":{', '\"fingerprint\":null,\"x\":{')",
            "info = replace(info, '\"tags\":[', '\"tags\":[null,')",
            "info = replace(info, '2026-', '9999-'), started_ms = 9223372036854775807",
            "status = 'unknown', info = ''",
        ];
        for (int i = 0; i <= broken.Length; i++)
        {
            RunRecord run = SampleRun.Make($"run-{i}");
            store.IndexWhole(run.Info, $"run-{i}", run.Cells);
            if (i > 0) Execute($"UPDATE runs SET {broken[i - 1]} WHERE id = 'run-{i}'");
        }

        Execute("UPDATE cells SET seconds = 1e308, started_ms = 9223372036854775807 WHERE run_id = 'run-0'");
        Execute("UPDATE cells SET status = 'melted', details = '[' WHERE run_id = 'run-0' AND workload = 'latency'");
        Execute("UPDATE measurements SET value = 1e308, ci_low = -1e308, ci_high = 1e308, notes = '{' WHERE name = 'perplexity'");
        var stored = new StoredRuns(store);

        (ImmutableArray<StoredRun> runs, int matching) = await stored.PageAsync(new RunFilter(), [], CancellationToken.None);
        var found = await stored.FindAsync("run-0", CancellationToken.None);
        using AggregateReader reader = store.OpenReader();

        Assert.Equal(broken.Length + 1, matching);
        Assert.All(runs, r => Assert.Equal("reference", r.Info.Suite));
        Assert.Equal(broken.Length, runs.Count(r => r.Info.Tags.Any(t => t.Contains("can't be read", StringComparison.Ordinal))));
        Assert.Equal(broken.Length + 1, reader.Runs().Length);
        Assert.Equal(SampleRun.Make().Cells.Length, reader.Load("run-0").Cells.Length);
        Assert.NotNull(found);
        Assert.Equal(10, found.Value.Cells.Count(c => c.Result.Reason?.Contains("can't be read", StringComparison.Ordinal) == true));
        Assert.All(found.Value.Cells, c => Assert.Equal(0, c.Result.Seconds));
        Assert.All(found.Value.Cells.SelectMany(c => c.Result.Metrics).Where(m => m.Name == "perplexity"),
            m => Assert.True(double.IsNaN(m.Value)));
        Assert.Empty(reader.Series(new SeriesQuery("perplexity")));
        Assert.NotEmpty(await stored.MachinesAsync(CancellationToken.None));
        Assert.Equal(SampleRun.Make().Cells.Length, store.ReadRecord("run-3")?.Cells.Length);
    }

    [ProviderFact]
    public void IndexCell_Replaces_WhenTheCellIsMeasuredAgain()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = Open();
        store.IndexRun(sample.Info);
        CellResult cell = sample.Cells[2];
        store.IndexCell(sample.Info.Id, cell with { Status = CellStatus.Failed, Metrics = [], Reason = "died" });
        store.IndexCell(sample.Info.Id, cell);
        string[] twice = Dump(store);

        using ResultStore once = Open(NewRoot().Path);
        once.IndexRun(sample.Info);
        once.IndexCell(sample.Info.Id, cell);

        Assert.Equal(Dump(once), twice);
    }

    [ProviderFact]
    public void OpenContext_AnswersQueries_WithSamples()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = Open();
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
        Measurement expected =
            sample.Cells.Single(c => c.Cell.Variant.Id == "gguf:TQ2_0" && c.Cell.Workload == "latency").Metric("tg_tps")!;
        Assert.Equal(expected.Samples, SampleRow.Unpack(context.Samples.Single(s => s.MeasurementId == fastest.Id).Data));
        Assert.Equal("completed", context.Runs.Single().Status);
    }

    [ProviderFact]
    public void RemoveRun_TakesItsCellsAlong()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = Open();
        store.IndexRun(sample.Info);
        store.IndexCell(sample.Info.Id, sample.Cells[2]);

        Assert.True(store.RemoveRun(sample.Info.Id));

        Assert.Empty(Dump(store));
        Assert.False(store.RemoveRun(sample.Info.Id));
    }

    [ProviderFact]
    public void IndexCell_KeepsInfinity_AndStoresNaNAsNull()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = Open();
        store.IndexRun(sample.Info);
        store.IndexCell(sample.Info.Id,
            Trivial(0) with { Metrics = [Measurement.Of("kl_max", double.PositiveInfinity), Measurement.Of("perplexity", double.NaN)] });
        using StoreContext context = store.OpenContext();

        Assert.Equal(double.PositiveInfinity, context.Measurements.Single(m => m.Name == "kl_max").Value);
        Assert.Null(context.Measurements.Single(m => m.Name == "perplexity").Value);
    }

    [ProviderFact]
    public void Reindex_ReportsBrokenRuns_AndKeepsTheOthers()
    {
        RunRecord sample = SampleRun.Make();
        RunFolder.Create(Root.Path, sample.Info).Dispose();
        RunFolder.Create(Root.Path, SampleRun.Info("other")).Dispose();
        File.WriteAllText(Root["other/cells.jsonl"], "nonsense\n");
        using ResultStore store = Open();

        ReindexReport report = store.Reindex();

        Assert.Equal(1, report.Runs);
        Assert.Equal("other", Assert.Single(report.Skipped).Id);
    }

    [ProviderFact]
    public void Open_Throws_WhenTheSchemaIsNewer()
    {
        Open().Dispose();
        Execute("INSERT INTO \"__EFMigrationsHistory\" VALUES ('99990101000000_Future', '99.0.0')");

        StoreException e = Assert.Throws<StoreException>(Open);

        Assert.Contains("newer", e.Message, StringComparison.Ordinal);
    }

    [ProviderFact]
    public void Migrations_MatchTheModel_AndEndInTheNamedVersion()
    {
        using ResultStore store = Open();
        using StoreContext context = store.OpenContext();

        Assert.Equal(LatestSchema, context.Database.GetMigrations().Max());
        Assert.False(context.Database.HasPendingModelChanges());
        Assert.Empty(context.Database.GetPendingMigrations());
    }

    [ProviderFact]
    public void Open_MakesTheTablesOnce_WhenManyOpenAtOnce()
    {
        Exception?[] faults = new Exception?[6];
        Parallel.For(0, faults.Length, new ParallelOptions { MaxDegreeOfParallelism = faults.Length },
            i => faults[i] = Record.Exception(() => Open().Dispose()));

        Assert.All(faults, Assert.Null);
    }

    [ProviderFact]
    public void IndexWhole_GivesTheSameRows_AsCellByCell_AndReplacesThem()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = Open();
        store.IndexRun(sample.Info);
        foreach (CellResult cell in sample.Cells) store.IndexCell(sample.Info.Id, cell);
        string[] single = Dump(store);

        store.IndexWhole(sample.Info with { CellCount = 1 }, Path.Combine(Root.Path, sample.Info.Id), [.. sample.Cells.Take(3)]);
        Assert.Equal(1 + 3 + sample.Cells.Take(3).Sum(c => c.Metrics.Length), Dump(store).Length);
        store.IndexWhole(sample.Info, Path.Combine(Root.Path, sample.Info.Id), sample.Cells);

        Assert.Equal(single, Dump(store));
    }

    [ProviderFact]
    public void ReadRecord_GivesBackTheRun_SamplesIncluded()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = Open();
        store.IndexWhole(sample.Info, Path.Combine(Root.Path, sample.Info.Id), sample.Cells);

        RunRecord? found = store.ReadRecord(sample.Info.Id);

        Assert.NotNull(found);
        Assert.Equal(JsonSerializer.Serialize(sample.Info, Json.Line), JsonSerializer.Serialize(found.Info, Json.Line));
        Assert.Equal(sample.Cells.Select(c => JsonSerializer.Serialize(c, Json.Line)),
            found.Cells.Select(c => JsonSerializer.Serialize(c, Json.Line)));
        Assert.Null(store.ReadRecord("another"));
    }

    [ProviderFact]
    public void Reader_GivesEveryCellAndFigure_AndSeriesOldestFirst()
    {
        RunRecord first = SampleRun.Make("run-a");
        RunRecord second = SampleRun.Make("run-b", speed: 0.9, seed: 8);
        using ResultStore store = Open();
        store.IndexWhole(second.Info with { Started = first.Info.Started.AddHours(1) }, "run-b", second.Cells);
        store.IndexWhole(first.Info, "run-a", first.Cells);

        using AggregateReader reader = store.OpenReader();
        RunRecord loaded = reader.Load("run-a");

        Assert.Equal(first.Cells.Select(c => (c.Cell.Id, c.Status, c.Reason)), loaded.Cells.Select(c => (c.Cell.Id, c.Status, c.Reason)));
        Assert.Equal(Figures(first), Figures(loaded));
        Assert.Equal(["tg_tps"], reader.Load("run-b", "tg_tps").Cells.SelectMany(c => c.Metrics).Select(m => m.Name).Distinct());
        Assert.Equal(["run-b", "run-a"], reader.Runs().Select(r => r.Id));
        Assert.Equal(2 * SampleRun.Figures.Length, reader.Series(new SeriesQuery("tg_tps")).Length);
        var one = reader.Series(new SeriesQuery("tg_tps", Variant: "gguf:Q4_0"));
        Assert.Equal(["run-a", "run-b"], one.Select(r => r.RunId));
        Assert.Equal(first.Cells.Single(c => c.Cell.Variant.Id == "gguf:Q4_0" && c.Cell.Workload == "latency").Metric("tg_tps")!.Value,
            one[0].Value);
        Assert.Throws<RequestException>(() => reader.Load("another"));

        static IEnumerable<(CellId, string, double, double?, long?, double?, double?)> Figures(RunRecord run) =>
            run.Cells.SelectMany(c =>
                c.Metrics.OrderBy(m => m.Name, StringComparer.Ordinal)
                    .Select(m => (c.Cell.Id, m.Name, m.Value, m.Error, m.N, m.StandardDeviation, m.Ci95?[0])));
    }

    [ProviderFact]
    public void Reader_KnowsClasses_ByMeasuredBits()
    {
        RunRecord sample = SampleRun.Make();
        CellResult[] cells = [.. sample.Cells.Where(c => c.Cell.Variant.Id == "gguf:Q4_0").Take(2)];
        cells[0] = cells[0] with { Provenance = cells[0].Provenance.SetItem(CellResult.LayerBits, "6.501"), Notes = ["a \"note\""] };
        cells[1] = cells[1] with { Provenance = cells[1].Provenance.Remove(CellResult.LayerBits) };
        using ResultStore store = Open();
        store.IndexWhole(sample.Info, "a", cells);

        using AggregateReader reader = store.OpenReader();

        PrecisionClass[] expected = [PrecisionClass.Medium, PrecisionClass.Low];
        Assert.Equal(expected, cells.Select(c => c.PrecisionClass));
        Assert.Equal(expected, reader.Load(sample.Info.Id).Cells.Select(c => c.PrecisionClass));
        Dictionary<string, PrecisionClass> classes = reader.Classes(sample.Info.Id);
        Assert.Equal(expected, cells.Select(c => classes[c.Cell.Id.Value]));
    }

    [ProviderFact]
    public void Reader_KnowsLaunchesAndMarks_OfTimings()
    {
        RunRecord sample = SampleRun.Make();
        Measurement calm = MeasurementBuilder.Merge([
            MeasurementBuilder.FromSamples("tg_tps", [1, 2, 3]), MeasurementBuilder.FromSamples("tg_tps", [2, 3, 4])]);
        Measurement disturbed = MeasurementBuilder.FromRepetitions("ttft", [1, 2, 3, 4], [0, 1, 2]);
        CellResult cell = sample.Cells[0] with { Metrics = [calm, disturbed] };
        using ResultStore store = Open();
        store.IndexWhole(sample.Info, "a", [cell]);

        using AggregateReader reader = store.OpenReader();
        CellResult loaded = reader.Load(sample.Info.Id).Cells.Single();

        Assert.Equal([2.0, 3.0], loaded.Metric("tg_tps")!.Timing!.LaunchValues);
        Assert.Null(loaded.Metric("tg_tps")!.Mark);
        Assert.True(loaded.Metric("ttft")!.IsDisturbed);
        Assert.Equal([0, 1, 2], store.ReadRecord(sample.Info.Id)!.Cells[0].Metric("ttft")!.Timing!.DisturbedSamples!);
        Assert.True(reader.Series(new SeriesQuery("ttft")).Single().IsDisturbed);
        Assert.False(reader.Series(new SeriesQuery("tg_tps")).Single().IsDisturbed);
    }

    [ProviderFact]
    public void IndexCell_TakesAnyText_FromTheTailOfALog()
    {
        RunRecord sample = SampleRun.Make();
        using ResultStore store = Open();
        const string odd = "line\n\ttab \0 zero \u001b[31m 'quote' \"double\" \\ back ünï 日本 \ud83e\udd99";
        CellResult cell = Trivial(0) with { Status = CellStatus.Failed, Reason = odd, Metrics = [] };
        store.IndexRun(sample.Info);
        store.IndexCell(sample.Info.Id, cell);
        using StoreContext context = store.OpenContext();
        string? single = context.Cells.Single().Reason;
        store.IndexWhole(sample.Info, "run", [cell]);

        Assert.Equal(odd.Replace('\0', '\uFFFD'), single?.Replace('\0', '\uFFFD'));
        Assert.Equal(single, context.Cells.Single().Reason);
    }

    [ProviderFact]
    public void Watch_SeesWhatOthersWrite_AndNothingElse()
    {
        using ResultStore store = Open();
        using ResultStore other = store.Again();
        using StoreWatch watch = store.Watch();
        long before = watch.Version();
        Assert.Equal(before, watch.Version());

        other.IndexRun(SampleRun.Info());

        long after = watch.Version();
        Assert.NotEqual(before, after);
        Assert.Equal(after, watch.Version());
    }

    /// <summary>The schema that the program names as its newest.</summary>
    protected abstract string LatestSchema { get; }

    /// <summary>Opens a root's store.</summary>
    protected abstract ResultStore Open(string root);

    /// <summary>Runs a statement in the store of <see cref="Root"/>.</summary>
    protected abstract void Execute(string sql);

    protected ResultStore Open() => Open(Root.Path);

    internal TemporaryFolder NewRoot()
    {
        _roots.Add(new TemporaryFolder());
        return _roots[^1];
    }

    protected static CellResult Trivial(int i) => new()
    {
        Cell = new Cell("m", Variant.Parse("Q4_0"), new BackendId("llamacpp", "cpu"), "latency",
            CellSettings.Empty.With("seed", 10_000L + i)),
        Status = CellStatus.Ok,
        Metrics = ImmutableArray.Create(Measurement.Of("tg_tps", 100.5 + (i / 4096.0), n: 10) with { Samples = [1, 2, 3] }),
    };

    // Every row of every table as text, row numbers replaced by natural keys.
    protected static string[] Dump(ResultStore store)
    {
        using StoreContext context = store.OpenContext();
        CellRow[] cells = [.. context.Cells];
        MeasurementRow[] measurements = [.. context.Measurements];
        SampleRow[] samples = [.. context.Samples];
        Dictionary<long, string> cellKeys = cells.ToDictionary(c => c.Id, c => $"{c.RunId}|{c.CellId}");
        Dictionary<long, string> measurementKeys = measurements.ToDictionary(m => m.Id, m => $"{cellKeys[m.CellRowId]}|{m.Name}");
        ILookup<long, SampleRow> bySample = samples.ToLookup(s => s.MeasurementId);
        Assert.All(samples, s => Assert.True(measurementKeys.ContainsKey(s.MeasurementId)));
        return
        [
            .. context.Runs.AsEnumerable().Select(r => $"run {Text(r)}").Order(StringComparer.Ordinal),
            .. cells.Select(c => $"cell {cellKeys[c.Id]} {Text(c)}").Order(StringComparer.Ordinal),
            .. measurements.Select(m =>
                $"metric {measurementKeys[m.Id]} {Text(m)} "
                    + $"{string.Join(' ', bySample[m.Id].Select(s => $"{s.Count} {Convert.ToHexString(s.Data)}"))}")
                    .Order(StringComparer.Ordinal),
        ];

        static string Text<T>(T row) =>
            string.Join('|',
                typeof(T).GetProperties().Where(p => p.Name is not ("Id" or "CellRowId") || p.PropertyType == typeof(string))
                    .Select(p => p.GetValue(row)?.ToString() ?? "∅"));
    }
}
