using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Workloads;

namespace QuantBench.Core.Tests.Workloads;

/// <summary>The three tables name each other's entries; these tests keep the names true.</summary>
public sealed class WorkloadTableTests
{
    [Fact]
    public void Workloads_NameOnlySettingsAndMetricsThatExist()
    {
        foreach (WorkloadDefinition workload in WorkloadTable.All)
        {
            Assert.All(workload.Settings, key => Assert.NotNull(SettingTable.Find(key)));
            Assert.Equal(workload.Settings.Distinct(), workload.Settings);
            Assert.NotEmpty(workload.Leads);
            Assert.All(workload.Leads, name => Assert.NotNull(MetricTable.Find(name)));
        }
    }

    [Fact]
    public void Settings_AreEachTakenBySomeWorkload() =>
        Assert.All(SettingTable.All, s => Assert.Contains(WorkloadTable.All, w => w.Settings.Contains(s.Key)));

    [Fact]
    public void Metrics_NameOnlyWorkloadsThatExist_AndSettingsThatTheyTake()
    {
        foreach (MetricDefinition metric in MetricTable.All)
        {
            Assert.All(metric.From, name => Assert.NotNull(WorkloadTable.Find(name)));
            if (metric.Column is not { } column) continue;
            Assert.NotEmpty(metric.From); // the column would stay empty
            Assert.All(metric.From, name => Assert.All(column.Settings, key => Assert.Contains(key, WorkloadTable.Of(name).Settings)));
        }
    }

    [Fact]
    public void Metrics_HaveNamesAndPlacesOfTheirOwn()
    {
        Assert.Equal(MetricTable.All.Length, MetricTable.All.Select(m => m.Name).Distinct().Count());
        Assert.Equal(Enumerable.Range(1, MetricTable.Headlines.Length), MetricTable.Headlines.Select(m => m.Headline!.Value));
        Assert.Equal(Enumerable.Range(1, MetricTable.Columns.Length), MetricTable.Columns.Select(m => m.Column!.Place));
    }

    [Theory]
    // as the metric says
    [InlineData("rss_peak", new[] { "latency", "load", "perplexity", "divergence", "onnx-latency", "kernel", "serve", "task" })]
    // quality: the table's
    [InlineData("bits_per_byte", new[] { "perplexity", "divergence", "task", "latency", "load", "kernel", "onnx-latency", "serve" })]
    // else: timed ones first
    [InlineData("rss_loaded", new[] { "latency", "load", "kernel", "onnx-latency", "serve", "perplexity", "divergence", "task" })]
    public void Place_PutsTheMetricsOwnWorkloadsFirst(string metric, string[] expected)
    {
        IEnumerable<string> order = WorkloadTable.All.Select(w => w.Name).Append("unknown")
            .OrderBy(w => WorkloadTable.Place(MetricTable.Get(metric), w));

        Assert.Equal([.. expected, "unknown"], order);
    }

    [Fact]
    public void Of_TakesAnUnknownWorkloadForOneThatRunsAModel()
    {
        WorkloadDefinition unknown = WorkloadTable.Of("of a later version");

        Assert.True(unknown.RunsModel);
        Assert.False(unknown.IsTimed || unknown.NeedsText || unknown.NeedsReference);
        Assert.Null(WorkloadTable.Find("of a later version"));
    }
}
