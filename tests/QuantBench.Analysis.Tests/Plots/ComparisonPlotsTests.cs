using System.Xml.Linq;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Plots;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Plots;

public sealed class ComparisonPlotsTests
{
    private static readonly MetricDefinition s_speed = MetricTable.Get("tg_tps");
    private static readonly MetricDefinition s_time = MetricTable.Get("ttft");

    [Fact]
    public void Distribution_DashesTheBase_AndListsEverySide()
    {
        PlotFigure? figure = DistributionPlot.Draw(s_speed, "cell", [new("base", [1, 2, 3, 4]), new("candidate", [2, 3, 4, 5])]);

        Assert.NotNull(figure);
        Assert.Equal(["base", "candidate"], figure.Rows.Select(r => r[0]));
        // Skia writes dashes as the outlines of many pieces, a solid line as one path that is stroked.
        XElement svg = XElement.Parse(figure.Svg);
        string[] filled = [
            .. svg.Descendants().Where(e => e.Attribute("fill")?.Value.StartsWith("var(--qb-ink,", StringComparison.Ordinal) == true)
                .Select(e => e.Attribute("d")?.Value ?? "")];
        Assert.Contains(filled, d => d.Count(c => c == 'M') > 10);
        Assert.Contains(svg.Descendants(), e => e.Attribute("stroke")?.Value.StartsWith("var(--qb-c1,", StringComparison.Ordinal) == true);
        Assert.DoesNotContain("0A0B", figure.Svg, StringComparison.OrdinalIgnoreCase); // no sentinel survives
        // Four samples support neither percentile.
        Assert.Contains("needs 64 samples, has 4", figure.Rows[0][6], StringComparison.Ordinal);
        Assert.Contains("needs 662 samples, has 4", figure.Rows[0][7], StringComparison.Ordinal);
    }

    [Fact]
    public void Distribution_TellsSixSidesApart()
    {
        PlotFigure? figure =
            DistributionPlot.Draw(s_speed, "cell", [.. Enumerable.Range(0, 6).Select(i => new SampleSet($"side {i}", [i, i + 1, i + 2]))]);

        Assert.NotNull(figure);
        Assert.All((string[])["ink", "c1", "c2", "c3", "c4", "c5"],
            role => Assert.Contains($"var(--qb-{role},", figure.Svg, StringComparison.Ordinal));
    }

    [Fact]
    public void Distribution_GivesNothing_WhenOnlyOneSideHasSamples() =>
        Assert.Null(DistributionPlot.Draw(s_speed, "cell", [new("base", [1, 2]), new("other", [])]));

    [Fact]
    public void Differences_PaintOnlyWhatIsShown_AndSayWhatLiesBeyond()
    {
        PlotFigure? figure =
            DifferencePlot.Draw("title",
                [Bar(s_speed, -0.02, Verdict.NotToldApart), Bar(s_time, -0.04, Verdict.Better),
                    Bar(s_speed, 0.01, Verdict.NotToldApart), Bar(s_speed, 7, Verdict.Better)], left: 3);

        Assert.NotNull(figure);
        Assert.Contains("var(--qb-better", figure.Svg, StringComparison.Ordinal);
        Assert.DoesNotContain("var(--qb-worse", figure.Svg, StringComparison.Ordinal);
        Assert.Contains("beyond ±5", figure.Caption, StringComparison.Ordinal); // three of four fit into 5 %
        Assert.Contains("3 more", figure.Caption, StringComparison.Ordinal);
        Assert.Equal("×8.00", figure.Rows[3][4]);
    }

    [Fact]
    public void Differences_GiveNothing_WithoutARelativeOne() =>
        Assert.Null(
            DifferencePlot.Draw("title",
                [Bar(s_speed, 0.1, Verdict.Better) with { Row = Bar(s_speed, 0.1, Verdict.Better).Row with { Absolute = true } }]));

    [Theory]
    [InlineData("gguf:Q4_0", null, "The ring is the recommended one")]
    [InlineData(null, "gguf:Q4_0", "the ring is the nearest miss")]
    public void Front_RingsThePick_OrTheNearestMiss(string? pick, string? miss, string expected)
    {
        ParetoFront front =
            ParetoAnalyzer.Analyze(CandidateSet.Of(SampleRun.Make()),
                [MetricSelector.Parse("artifact_size"), MetricSelector.Parse("kl_mean")])[0];
        // A candidate's name may say its backend too.
        string? named(string? variant) => variant is null ? null : front.Points.First(p => p.Candidate.Variant.Id == variant).Name;

        PlotFigure? figure = ParetoFrontPlot.Draw(front, pick: named(pick), miss: named(miss));

        Assert.Contains(expected, figure?.Caption, StringComparison.Ordinal);
        Assert.DoesNotContain("ring", ParetoFrontPlot.Draw(front)?.Caption, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(30)]
    [InlineData(24 * 40)]
    [InlineData(24 * 900)]
    public void TimeAxis_HasFewRoundTicks_InsideIt(int hours)
    {
        DateTimeOffset from = new(2026, 3, 1, 5, 17, 0, TimeSpan.Zero);
        TrendAxis axis = TrendAxis.Around([from, from.AddHours(hours)]);

        (double At, string Text)[] ticks = [.. axis.Ticks(5)];

        Assert.InRange(ticks.Length, 1, 6);
        Assert.All(ticks, t => Assert.InRange(t.At, 0, axis.Days));
        Assert.All(ticks, t => Assert.Equal(0, (axis.From + TimeSpan.FromDays(t.At)).Minute));
    }

    private static DifferenceBar Bar(MetricDefinition metric, double difference, Verdict verdict) => new(
        metric.Name,
        new MetricComparison
        {
            Cell = "cell",
            Metric = metric,
            A = Measurement.Of(metric.Name, 100),
            B = Measurement.Of(metric.Name, 100 * (1 + difference)),
            Difference = difference,
            Interval = new Interval(difference - 0.005, difference + 0.005),
            Verdict = verdict,
            Note = "",
        });
}
