using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Plots;

public sealed class MemoryPlotTests
{
    private static readonly RunRecord s_sample = SampleRun.Make();

    [Fact]
    public void Draw_TellsWhatWasPlannedBesideWhatWasTaken_WhereItWasPlanned()
    {
        CellResult cell = s_sample.Cells.First(c => c.Metric("weights_size") is not null);
        double weights = cell.Metric("weights_size")!.Value;

        PlotFigure figure = Draw(cell with
        {
            Metrics =
            [
                .. cell.Metrics, Measurement.Of("weights_planned", weights - 2048), Measurement.Of("kv_cache_planned", 1024),
                Measurement.Of("compute_planned", 1024),
            ],
        });

        int column = figure.Head.IndexOf("Planned before loading");
        Assert.True(column > 0);
        Assert.Equal(figure.Rows[0][figure.Head.IndexOf("Weights")], figure.Rows[0][column]);
        Assert.All(figure.Rows, row => Assert.Equal(figure.Head.Length, row.Length));
        Assert.DoesNotContain("Planned before loading", Draw(cell).Head);
    }

    private static PlotFigure Draw(CellResult cell) =>
        RunPlots.Draw(RunTableBuilder.Build(s_sample with { Cells = [cell] })).Single(f => f.Id == "plot-memory");
}
