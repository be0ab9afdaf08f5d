using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Dashboard.Figures;

namespace QuantBench.Dashboard.Tests.Figures;

public sealed class TrendPlotTests
{
    [Fact]
    public void Draw_MarksTheChange_AndListsEveryRun()
    {
        PlotFigure? figure = TrendPlot.Draw(Series([100, 101, 99, 80, 81]));

        Assert.NotNull(figure);
        Assert.Equal(5, figure.Rows.Length);
        Assert.Contains("−20", figure.Svg, StringComparison.Ordinal);
        Assert.Contains("var(--qb-worse", figure.Svg, StringComparison.Ordinal);
        Assert.DoesNotContain("#0A0B", figure.Svg, StringComparison.OrdinalIgnoreCase); // no sentinel survives
    }

    [Fact]
    public void Draw_ShowsMediansOfNeighbours_WhenRunsAreMany()
    {
        PlotFigure? figure = TrendPlot.Draw(Series([.. Enumerable.Range(0, 400).Select(i => 100.0 + (i % 7))]));

        Assert.NotNull(figure);
        Assert.Contains("medians of 3 neighbouring runs (400 in all", figure.Caption, StringComparison.Ordinal);
        Assert.Equal(400, figure.Rows.Length);
        Assert.Equal(134, System.Text.RegularExpressions.Regex.Count(figure.Svg, "<(circle|ellipse)"));
    }

    [Fact]
    public void Draw_GivesNothing_ForOneRun() => Assert.Null(TrendPlot.Draw(Series([100])));

    [Fact]
    public void Png_IsAPictureOfTwiceTheSize()
    {
        PlotFigure figure = TrendPlot.Draw(Series([100, 101, 99, 80, 81])) ?? throw new InvalidOperationException("no figure");

        byte[] png = PlotPen.Current.Png(FigureSvg.ForFile(figure.Svg, "title <&>", "run"));

        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], png[..4]);
        // The header chunk: width and height, big-endian, at byte 16.
        Assert.Equal(1360, (png[16] << 24) | (png[17] << 16) | (png[18] << 8) | png[19]);
        Assert.True(png.Length > 8000, $"{png.Length} bytes: is anything drawn?");
    }

    private static TrendSeries Series(double[] values) => new()
    {
        Metric = MetricTable.Get("tg_tps"),
        MachineId = "m",
        Host = "bench-01",
        CellId = "c",
        Model = "reference",
        Variant = "gguf:Q4_0",
        Backend = "llamacpp/cpu",
        Workload = "latency",
        Settings = "{}",
        Points = [
            .. values.Select((v, i) =>
                new TrendPoint($"run-{i}", new DateTimeOffset(2025, 11, 1, 0, 0, 0, TimeSpan.Zero).AddDays(i), v,
                    new Interval(v - 1, v + 1)))],
        Changes = values.Length < 5 ? []
            : [new TrendChange { Index = 3, RunId = "run-3", PreviousRunId = "run-2", Difference = -0.2,
                Interval = new Interval(-0.22, -0.18), PValue = 0.001, Worse = true, State = ChangeState.Confirmed }],
    };
}
