using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Results.Store;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Trends;

public sealed class TrendAnalyzerTests
{
    [Fact]
    public void Analyze_FindsTheRunAndCommit_WhereALevelFalls()
    {
        double[] values = [100, 101, 99.5, 100.2, 99.8, 100.4, 95, 94.8, 95.3];

        TrendReport report = TrendAnalyzer.Analyze(MetricTable.Get("tg_tps"), Rows("m", values), id => Fingerprint(id, changesAt: 6));

        (TrendSeries series, TrendChange change) = Assert.Single(report.Alerts);
        Assert.Equal(("run-6", "run-5"), (change.RunId, change.PreviousRunId));
        Assert.Equal(("commit-6", ChangeState.Confirmed, true), (change.Commit, change.State, change.Worse));
        Assert.InRange(change.Difference, -0.06, -0.045);
        Assert.InRange(-0.05, change.Interval.Low, change.Interval.High);
        Assert.Contains(change.AlsoChanged, c => c.StartsWith("kernel", StringComparison.Ordinal));
        Assert.Contains("worse, from run run-6", TrendText.Sentence(series, change), StringComparison.Ordinal);
        Assert.Contains("got worse", TrendText.Lead(report), StringComparison.Ordinal);
    }

    [Fact]
    public void Analyze_CallsAChangeOfOneRun_Unconfirmed()
    {
        TrendReport report =
            TrendAnalyzer.Analyze(MetricTable.Get("tg_tps"), Rows("m", [100, 101, 99.5, 100.2, 99.8, 100.4, 80]), id => Fingerprint(id, 0));

        Assert.Equal(ChangeState.Unconfirmed, Assert.Single(report.Suspects).Change.State);
        Assert.Empty(report.Alerts); // one run is no alarm
        Assert.Contains("suspected by the last run alone: measure again", TrendText.Lead(report), StringComparison.Ordinal);
    }

    [Fact]
    public void Analyze_DoesNotAlert_OnGains_OldChanges_OrShortSeries()
    {
        ImmutableArray<SeriesRow> rows =
        [
            .. Rows("gain", [100, 101, 99.5, 100.2, 99.8, 100.4, 120, 121]),
            .. Rows("old", [100, 101, 99.5, 80, 81, 80.5, 80.2, 80.9, 80.4, 80.6]),
            .. Rows("short", [100, 50]),
        ];

        TrendReport report = TrendAnalyzer.Analyze(MetricTable.Get("tg_tps"), rows, id => Fingerprint(id, 0));

        Assert.Empty(report.Alerts);
        Assert.Equal(2, report.Series.Count(s => s.Changes.Length == 1));
        Assert.NotNull(report.Series.Single(s => s.CellId == "short").TooShort);
    }

    [Theory]
    [InlineData(8.001, false)] // 0.0125 % isn't a difference that matters, even without noise
    [InlineData(16, true)]
    [InlineData(8, false)]
    public void Analyze_AlertsInSeriesWithoutNoise_OnlyWhenItMatters(double after, bool alert)
    {
        double[] values = [.. Enumerable.Range(0, 15).Select(i => i < 12 ? 8.0 : after)];

        Assert.Equal(alert, !Find("ttft", values).Alerts.IsEmpty);
    }

    [Fact]
    public void Analyze_FindsAStep_DespiteAnOldOutlier_AndDoesNotAlertOnAPastSpell()
    {
        double[] outlier = [.. Enumerable.Range(0, 44).Select(i => (i == 20 ? 12 : i >= 40 ? 8.8 : 8.0) + (i % 3 * 0.005))];
        double[] spell = [.. Enumerable.Range(0, 40).Select(i => (i is >= 32 and < 38 ? 12 : 8.0) + (i % 3 * 0.005))];

        Assert.Equal("run-40", Assert.Single(Find("ttft", outlier).Alerts).Change.RunId);
        TrendReport past = Find("ttft", spell);
        Assert.Empty(past.Alerts); // it is over
        Assert.Equal(["run-32", "run-38"], past.Series[0].Changes.Select(c => c.RunId)); // and named
    }

    [Fact]
    public void Analyze_GivesDifferencesFromZero_InTheMetricsUnit()
    {
        TrendReport report = Find("kl_mean", [0, 0, 0, 0, 0, 0, 0, 0.1, 0.1, 0.1]);

        (TrendSeries series, TrendChange change) = Assert.Single(report.Alerts);
        Assert.True(change.Absolute);
        Assert.Equal(0.1, change.Difference, 1e-12);
        Assert.StartsWith("+0.1", TrendText.Difference(series, change), StringComparison.Ordinal);
        Assert.EndsWith("nat", TrendText.Difference(series, change), StringComparison.Ordinal);
    }

    [Fact]
    public void Analyze_LeavesDisturbedRunsOut()
    {
        ImmutableArray<SeriesRow> rows =
            [.. Rows("m", [100, 101, 99.5, 100.2, 99.8, 100.4, 50, 51]).Select((r, i) => r with { IsDisturbed = i >= 6 })];

        TrendReport report = TrendAnalyzer.Analyze(MetricTable.Get("tg_tps"), rows, _ => null);

        Assert.Empty(report.Series[0].Changes);
        Assert.Equal((6, 2), (report.Series[0].Points.Length, report.Series[0].Disturbed));
    }

    [Fact]
    public void Analyze_ShowsASeries_ThatWasDisturbedInEveryRun()
    {
        ImmutableArray<SeriesRow> rows = [.. Rows("m", [1, 2, 3]).Select(r => r with { IsDisturbed = true })];

        Assert.Contains("disturbed", TrendText.Finding(TrendAnalyzer.Analyze(MetricTable.Get("tg_tps"), rows, _ => null).Series[0]),
            StringComparison.Ordinal);
    }

    private static TrendReport Find(string metric, double[] values) =>
        TrendAnalyzer.Analyze(MetricTable.Get(metric), [.. Rows("m", values).Select(r => r with { CiLow = null, CiHigh = null })],
            _ => null);

    [Fact]
    public void Analyze_RarelyAlerts_OnSteadyNoise()
    {
        var random = new Random(3);
        int reports = 0;
        for (int i = 0; i < 40; i++)
        {
            ImmutableArray<SeriesRow> rows =
            [
                .. Enumerable.Range(0, 50)
                    .SelectMany(c =>
                        Rows($"c{c:00}",
                            [.. Enumerable.Range(0, 20)
                                .Select(_ =>
                                    100 + Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()))
                                        * Math.Cos(2 * Math.PI * random.NextDouble()))])),
            ];
            if (TrendAnalyzer.Analyze(MetricTable.Get("tg_tps"), rows, _ => null).Series.Any(s => !s.Changes.IsEmpty)) reports++;
        }

        Assert.InRange(reports, 0, 6); // at most 5 % of 40 reports are expected to hold a false change
    }

    private static ImmutableArray<SeriesRow> Rows(string cell, double[] values) =>
    [
        .. values.Select((v, i) => new SeriesRow(
            $"run-{i.ToString(CultureInfo.InvariantCulture)}", i * 86_400_000L, "machine", "bench-01", cell, "reference", "gguf:Q4_0",
            "llamacpp/cpu", "latency", "{}", v, null, v * 0.995, v * 1.005, 10, null)),
    ];

    private static Fingerprint Fingerprint(string id, int changesAt)
    {
        int number = int.Parse(id[4..], CultureInfo.InvariantCulture);
        return SampleRun.Fingerprint() with { GitCommit = $"commit-{number}", Kernel = number >= changesAt ? "6.2.0" : "6.1.0" };
    }
}
