using System.Collections.Immutable;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Plots;

public sealed class CurvePlotTests
{
    private static readonly RunRecord s_sample = SampleRun.Make();
    private static readonly CellResult s_latency = s_sample.Cells.First(c => c.Metric("tg_tps") is not null);
    private static readonly CellResult s_divergence = s_sample.Cells.First(c => c.Metric("kl_mean") is not null);

    [Theory]
    [InlineData("depth", "plot-depth")]
    [InlineData("parallel", "plot-parallel")]
    public void Draw_GivesSpeedOverASetting_WhereAVariantHasTwoValuesOfIt(string setting, string id)
    {
        PlotFigure figure = Assert.Single(Draw(At(4, 40), At(1, 80), At(2, 60)), f => f.Id == id);

        Assert.Equal(["1", "2", "4"], figure.Rows.Select(r => r[1]));
        Assert.Equal(["80.0", "60.0", "40.0"], figure.Rows.Select(r => r[2]));
        Assert.Contains("80.0 token/s at 1, 40.0 token/s at 4", figure.Finding, StringComparison.Ordinal);
        Assert.DoesNotContain(Draw(At(4, 40)), f => f.Id == id);

        CellResult At(long value, double speed) => Of(s_latency, setting, value) with
        {
            Metrics = [s_latency.Metric("tg_tps")! with { Value = speed }],
        };
    }

    [Theory]
    [InlineData("plot-confidence", "kl_confidence_", "≥ 0.8")]
    [InlineData("plot-position", "kl_depth_", "last quarter")]
    public void Draw_GivesTheDivergencesParts(string id, string metrics, string last)
    {
        ImmutableArray<Measurement> parts =
        [
            .. MetricTable.All.Where(m => m.Name.StartsWith(metrics, StringComparison.Ordinal))
                .Select((m, i) => Measurement.Of(m.Name, 0.1 / (i + 1))),
        ];

        PlotFigure figure = Assert.Single(Draw(s_divergence with { Metrics = parts }), f => f.Id == id);

        Assert.Equal(parts.Length, figure.Rows.Length);
        Assert.Equal(last, figure.Rows[^1][1]);
    }

    private static CellResult Of(CellResult cell, string setting, long value) => cell with
    {
        Cell = new Cell(cell.Cell.Model, cell.Cell.Variant, cell.Cell.Backend, cell.Cell.Workload, cell.Cell.Settings.With(setting, value)),
    };

    private static ImmutableArray<PlotFigure> Draw(params CellResult[] cells) =>
        RunPlots.Draw(RunTableBuilder.Build(s_sample with { Cells = [.. cells] }));
}
