using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Reports;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Tables;

/// <summary>A metric is an entry of <see cref="MetricTable"/> and an evaluator: what is read below holds no list of its own.</summary>
public sealed class EveryMetricTests
{
    /// <summary>Every name.</summary>
    public static TheoryData<string> Names => [.. MetricTable.All.Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void AMetric_IsInTablesReportsComparisonsAndDecisions(string name)
    {
        MetricDefinition metric = MetricTable.Get(name);
        Measurement figure = Measurement.Of(name, 0.75, 0.01, 9) with { Protocol = SampleRun.Protocol };
        RunRecord run = Of(metric.From.FirstOrDefault() ?? "perplexity", figure);

        RunTable table = RunTableBuilder.Build(run);
        RunReport report = RunReport.Of(run);
        CandidateSet set = CandidateSet.Of(run);

        Assert.Equal(metric.Column is not null, table.Columns.Any(c => c.Id.Split('/')[0] == name));
        Assert.Equal([metric], report.Metrics.AsEnumerable());
        Assert.Contains(metric.Description, MarkdownReport.Write(report), StringComparison.Ordinal);
        Assert.Equal(0.75, set.Figure(set.All[0], MetricSelector.Parse(name)).Value);
        Assert.Equal(metric, Assert.Single(RunComparer.Compare(new ComparisonSide(run), new ComparisonSide(run)).Rows).Metric);
    }

    [Fact]
    public void AMetricOfAnotherBuild_IsKeptAndShownByName_AndHindersNothing()
    {
        var gone = new Measurement { Name = "energy_per_token", Unit = "1/s", Direction = Direction.Higher, Value = 3.5 };
        RunRecord run = Of("perplexity", Measurement.Of("perplexity", 38.6, 0.8, 99) with { Protocol = SampleRun.Protocol }, gone);
        using var root = new TemporaryFolder();
        using RunFolder folder = RunFolder.Create(root.Path, run.Info);
        foreach (CellResult cell in run.Cells) folder.Append(cell);
        using (ResultStore store = ResultStore.Open(root.Path)) store.Reindex();
        using AggregateReader reader = AggregateReader.Open(root.Path);

        RunRecord read = folder.ReadRecord();

        Assert.Equal(3.5, read.Cells[0].Metric("energy_per_token")?.Value);
        Assert.Equal("3.500\u00a01/s", Format.Value(gone));
        Assert.Equal(["perplexity"], RunReport.Of(read).Metrics.Select(m => m.Name));
        Assert.Single(RunTableBuilder.Build(read).Columns);
        Assert.Single(RunComparer.Compare(new ComparisonSide(read), new ComparisonSide(read)).Rows);
        Assert.Equal(["perplexity"], reader.Load(run.Info.Id).Cells[0].Metrics.Select(m => m.Name)); // nothing there can use it
        CandidateSet set = CandidateSet.Of(read);
        Assert.Equal(38.6, set.Figure(set.All[0], MetricSelector.Of(MetricTable.Perplexity)).Value);
    }

    private static RunRecord Of(string workload, params Measurement[] metrics)
    {
        var cell = new Cell("m", Variant.Parse("gguf:Q4_0"), new BackendId("managed", "cpu"), workload, CellSettings.Empty);
        var result = new CellResult { Cell = cell, Status = CellStatus.Ok, Metrics = [.. metrics], Started = DateTimeOffset.UnixEpoch };
        return new RunRecord(SampleRun.Info() with { CellCount = 1 }, [result]);
    }
}
