using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Cells;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;
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
        Assert.Equal(_a.Cells.SelectMany(c => c.Metrics).Select(m => (m.Name, m.Value, m.Error, m.N, m.StandardDeviation)), loaded.Cells.SelectMany(c => c.Metrics).Select(m => (m.Name, m.Value, m.Error, m.N, m.StandardDeviation)));
        Assert.All(loaded.Cells.SelectMany(c => c.Metrics), m => Assert.Null(m.Samples));
        Assert.Equal(["tg_tps"], reader.Load("run-a", "tg_tps").Cells.SelectMany(c => c.Metrics).Select(m => m.Name).Distinct());
    }

    [Fact]
    public void Compare_GivesTheSameVerdicts_FromAggregates()
    {
        using AggregateReader reader = AggregateReader.Open(_root.Path);

        RunComparison samples = RunComparer.Compare(new ComparisonSide(_a), new ComparisonSide(_b));
        RunComparison aggregates = RunComparer.Compare(new ComparisonSide(reader.Load("run-a")), new ComparisonSide(reader.Load("run-b")));

        Assert.Equal(Verdicts(samples), Verdicts(aggregates));
        Assert.All(aggregates.Rows.Where(r => r.Metric.Kind == MetricKind.Timing), r => Assert.Contains("stored aggregates", r.Note, StringComparison.Ordinal));

        static IEnumerable<(string, string, Verdict)> Verdicts(RunComparison c) => c.Rows.Select(r => (r.Cell, r.Metric.Name, r.Verdict)).Order();
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
            Assert.Equal(folder.All.Select(c => folder.Figure(c, MetricSelector.Of(metric)).Estimate), store.All.Select(c => store.Figure(c, MetricSelector.Of(metric)).Estimate));
    }
}
