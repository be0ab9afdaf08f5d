using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Frames;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Cells;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Compare;

/// <summary>What the store gives without samples leads to the same findings as the folders with them.</summary>
public sealed class AggregatesTests : IDisposable
{
    private readonly TemporaryFolder _root = new();
    private readonly RunRecord _a = SampleRun.Make("run-a");
    private readonly RunRecord _b = SampleRun.Make("run-b", speed: 0.9, seed: 8);

    public AggregatesTests()
    {
        foreach (RunRecord run in (RunRecord[])[_a, _b])
        {
            using RunFolder folder = RunFolder.Create(_root.Path, run.Info);
            foreach (CellResult cell in run.Cells) folder.Append(cell);
        }

        using ResultStore store = ResultStore.Open(_root.Path);
        store.Reindex();
    }

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Load_GivesEveryCellAndFigure_ButNoSamples()
    {
        using AggregateReader reader = AggregateReader.Open(_root.Path);

        RunRecord loaded = reader.Load("run-a");

        Assert.Equal(_a.Cells.Select(c => (c.Cell.Id, c.Status, c.Reason)), loaded.Cells.Select(c => (c.Cell.Id, c.Status, c.Reason)));
        Assert.Equal(Figures(_a), Figures(loaded));
        Assert.All(loaded.Cells.SelectMany(c => c.Metrics), m => Assert.Null(m.Samples));
        Assert.Equal(["tg_tps"], reader.Load("run-a", "tg_tps").Cells.SelectMany(c => c.Metrics).Select(m => m.Name).Distinct());

        static IEnumerable<(CellId, string, double, double?, long?, double?)> Figures(RunRecord run) =>
            run.Cells.SelectMany(c =>
                c.Metrics.OrderBy(m => m.Name, StringComparer.Ordinal)
                    .Select(m => (c.Cell.Id, m.Name, m.Value, m.Error, m.N, m.StandardDeviation)));
    }

    [Theory]
    [InlineData(1)] // by turns: each run's cells are near each other, with the other's between
    [InlineData(40)] // so far apart that the index of runs is quicker than reading what lies between
    public void Load_ReadsEachRunsOwnCells_WhenOtherRunsCellsLieBetween(int between)
    {
        using var root = new TemporaryFolder();
        RunRecord few = _a with { Cells = _a.Cells[..4] };
        CellResult[] others = [
            .. Enumerable.Range(0, 4 * between).Select(i => _b.Cells[i % _b.Cells.Length])
                .Select((c, i) =>
                    c with { Cell = new Cell($"model-{i}", c.Cell.Variant, c.Cell.Backend, c.Cell.Workload, c.Cell.Settings) })];
        using (ResultStore store = ResultStore.Open(root.Path))
        {
            store.IndexRun(_a.Info);
            store.IndexRun(_b.Info);
            for (int i = 0; i < few.Cells.Length; i++)
            {
                store.IndexCell(_a.Info.Id, few.Cells[i]);
                foreach (CellResult other in others.Skip(i * between).Take(between)) store.IndexCell(_b.Info.Id, other);
            }
        }

        using AggregateReader reader = AggregateReader.Open(root.Path);

        foreach ((string id, CellResult[] expected) in ((string, CellResult[])[])[(_a.Info.Id, [.. few.Cells]), (_b.Info.Id, others)])
        {
            RunRecord loaded = reader.Load(id);
            Assert.Equal(expected.Length, reader.CellCount(id));
            Assert.Equal(expected.Select(c => c.Cell.Id), loaded.Cells.Select(c => c.Cell.Id));
            Assert.Equal(expected.Select(c => c.Metrics.Sum(m => m.Value)), loaded.Cells.Select(c => c.Metrics.Sum(m => m.Value)), Near);
        }

        static bool Near(double a, double b) => Math.Abs(a - b) <= 1e-12 * Math.Abs(a); // metrics may come in another order
    }

    [Fact]
    public void Compare_RefusesMeaninglessQuality_FromAggregates()
    {
        using var root = new TemporaryFolder();
        using (ResultStore store = ResultStore.Open(root.Path))
        {
            store.IndexRun(_a.Info);
            foreach (CellResult cell in _a.Cells)
                store.IndexCell(_a.Info.Id, cell with { Notes = ["another mark", CellResult.MeaninglessQuality] });
        }

        using AggregateReader reader = AggregateReader.Open(root.Path);
        RunRecord loaded = reader.Load(_a.Info.Id);
        RunComparison comparison = RunComparer.Compare(new ComparisonSide(loaded), new ComparisonSide(loaded));

        Assert.Contains(comparison.Rows, r => r.Metric.Kind == MetricKind.Quality);
        Assert.All(comparison.Rows.Where(r => r.Metric.Kind == MetricKind.Quality), r => Assert.Equal(Verdict.NotComparable, r.Verdict));
        using AggregateReader unmarked = AggregateReader.Open(_root.Path);
        Assert.All(unmarked.Load("run-a").Cells, c => Assert.Null(c.Notes));
    }

    // A file whose layers hold more bits than its name says is in the class of its bits, in the table and in the frame.
    [Fact]
    public void Trend_ShowsTheClassOfTheLatestRunsBits()
    {
        using var root = new TemporaryFolder();
        using (ResultStore store = ResultStore.Open(root.Path))
        {
            foreach ((RunRecord run, string bits) in ((RunRecord, string)[])[(_a, "4.500"), (_b, "6.501")])
            {
                store.IndexRun(run.Info with { Started = run == _a ? run.Info.Started.AddDays(-1) : run.Info.Started });
                foreach (CellResult cell in run.Cells)
                    store.IndexCell(run.Info.Id, cell with { Provenance = cell.Provenance.SetItem(CellResult.LayerBits, bits) });
            }
        }

        using AggregateReader reader = AggregateReader.Open(root.Path);
        TrendReport report = TrendAnalyzer.Analyze(reader, new SeriesQuery("tg_tps", Variant: "gguf:Q4_0"));

        Assert.All(report.Series, s => Assert.Equal((PrecisionClass.Medium, "run-b"), (s.Class, s.Points[^1].RunId)));
        Assert.Contains("| medium |", TrendText.Markdown(report), StringComparison.Ordinal);
        Assert.DoesNotContain("| low |", TrendText.Markdown(report), StringComparison.Ordinal);
        Assert.Contains(",medium,", FrameWriter.Text(AnalysisFrames.Of(report), "csv"), StringComparison.Ordinal);
    }

    [Fact]
    public void Compare_GivesTheSameVerdicts_FromAggregates()
    {
        using AggregateReader reader = AggregateReader.Open(_root.Path);

        RunComparison samples = RunComparer.Compare(new ComparisonSide(_a), new ComparisonSide(_b));
        RunComparison aggregates = RunComparer.Compare(new ComparisonSide(reader.Load("run-a")), new ComparisonSide(reader.Load("run-b")));

        Assert.Equal(Verdicts(samples), Verdicts(aggregates));
        Assert.All(aggregates.Rows.Where(r => r.Metric.Kind == MetricKind.Timing),
            r => Assert.Contains("ratio over launches (Student), 3 and 3", r.Note, StringComparison.Ordinal));

        static IEnumerable<(string, string, Verdict)> Verdicts(RunComparison c) =>
            c.Rows.Select(r => (r.Cell, r.Metric.Name, r.Verdict)).Order();
    }

    [Fact]
    public void Series_AreByMachineAndCell_OldestFirst()
    {
        using AggregateReader reader = AggregateReader.Open(_root.Path);

        var all = reader.Series(new SeriesQuery("tg_tps"));
        var one = reader.Series(new SeriesQuery("tg_tps", Variant: "gguf:Q4_0"));

        Assert.Equal(2 * SampleRun.Figures.Length, all.Length);
        Assert.Equal(["run-a", "run-b"], one.Select(r => r.RunId));
        Assert.Equal(all.Where(r => r.Variant == "gguf:Q4_0"), one);
        Assert.Empty(reader.Series(new SeriesQuery("tg_tps", Machine: "elsewhere")));
    }

    [Fact]
    public void Candidates_HaveTheSameFigures_FromAggregates()
    {
        using AggregateReader reader = AggregateReader.Open(_root.Path);
        CandidateSet folder = CandidateSet.Of(_a);
        CandidateSet store = CandidateSet.Of(reader.Load("run-a"));

        foreach (string metric in (string[])["tg_tps", "kl_mean", "ppl_rise", "rss_peak", "token_latency_p99"])
            Assert.Equal(folder.All.Select(c => folder.Figure(c, MetricSelector.Parse(metric)).Estimate),
                store.All.Select(c => store.Figure(c, MetricSelector.Parse(metric)).Estimate));
    }
}
