using System.Collections.Immutable;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Trends;

public sealed class TrendConfirmationTests
{
    [Theory]
    [InlineData(0.8, 1)]
    [InlineData(1.0, 0)]
    public void Apply_AlertsOnlyWhatTurnsShow(double speed, int alerts)
    {
        RunRecord sample = SampleRun.Make("run-0");
        CellResult cell = sample.Cells.First(c => c.Metric("tg_tps") is not null);
        double level = cell.Metric("tg_tps")!.Value;
        ImmutableArray<SeriesRow> rows = [.. new[] { 1, 1.01, 0.99, 1.002, 0.998, 0.8 }.Select((v, i) => Row(cell, i, v * level))];
        TrendReport report = TrendAnalyzer.Analyze(MetricTable.Get("tg_tps"), rows, _ => null);
        Assert.Single(report.Suspects);
        ImmutableArray<(ComparisonSide Other, ComparisonSide Own)> pairs =
        [
            .. Enumerable.Range(0, 3).Select(i => (new ComparisonSide(SampleRun.Make($"other-{i}", seed: i)),
                new ComparisonSide(SampleRun.Make($"own-{i}", speed: speed, seed: 10 + i)))),
        ];

        TrendReport decided = TrendConfirmation.Apply(report, pairs);

        Assert.Equal(alerts, decided.Alerts.Length);
        Assert.Empty(decided.Suspects);
        string expected = alerts > 0 ? "confirmed" : "the machine has changed";
        Assert.Contains(expected, TrendText.Sentence(decided.Series[0], decided.Series[0].Changes[^1]), StringComparison.Ordinal);
    }

    private static SeriesRow Row(CellResult cell, int run, double value) => new($"run-{run}", run * 86_400_000L, "machine", "bench-01",
        cell.Cell.Id.Value, cell.Cell.Model, cell.Cell.Variant.Id, cell.Cell.Backend.ToString(), cell.Cell.Workload, "{}", value, null,
        value * 0.995, value * 1.005, 10, null);
}
