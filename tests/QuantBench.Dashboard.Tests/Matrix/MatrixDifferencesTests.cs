using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Matrix;
using QuantBench.Dashboard.Runs;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Dashboard.Tests.Matrix;

public sealed class MatrixDifferencesTests
{
    private static readonly RunRecord s_run = SampleRun.Make();
    private static readonly Variant s_base = Variant.Parse("F16");

    [Theory]
    [InlineData("tg_tps", "Q4_0", true)] // 410 against 240: more is better
    [InlineData("tg_tps", "F32", false)]
    [InlineData("ttft", "Q4_0", true)] // less is better
    [InlineData("perplexity", "Q2_K", false)]
    public void Against_PutsBetterAboveTheMiddle(string metric, string variant, bool better)
    {
        MatrixCell cell = Cell(Against(metric), variant);

        Assert.Equal(better, cell.Step > MatrixDifferences.Middle);
        Assert.NotEqual(MatrixDifferences.Middle, cell.Step);
        Assert.Contains($"against gguf:F16: {(better ? "better" : "worse")}", cell.Name, StringComparison.Ordinal);
    }

    [Fact]
    public void View_MarksAPerplexityWorseThanChance()
    {
        CellResult[] cells =
        [
            .. s_run.Cells.Select(c => c with
            {
                Metrics = [.. c.Metrics.Select(m => m.Name == "perplexity" && c.Cell.Variant.ShortName == "Q2_K"
                    ? m with { Notes = [$"{Measurement.WorseThanChance}: x"] } : m)],
            }),
        ];
        MatrixView view = View("perplexity", cells);

        Assert.EndsWith(" !", Cell(view, "Q2_K").Text, StringComparison.Ordinal);
        Assert.Contains("worse than chance", Cell(view, "Q2_K").Name, StringComparison.Ordinal);
        Assert.DoesNotContain("chance", Cell(view, "F16").Name, StringComparison.Ordinal);
    }

    [Fact]
    public void View_GivesNoTone_ToAFigureThatMayBeTwiceOrHalf()
    {
        CellResult[] cells =
        [
            .. s_run.Cells.Select(c => c with
            {
                Metrics = [.. c.Metrics.Select(m => m.Name == "tg_tps" && c.Cell.Variant.ShortName == "Q4_0"
                    ? m with { Value = 984, Ci95 = [41, 2235] } : m)],
            }),
        ];
        MatrixView view = View("tg_tps", cells);

        Assert.Equal(MatrixCell.NoTone, Cell(view, "Q4_0").Step);
        // nor does it take the strongest tone from the others
        Assert.Equal(HeatScale.Steps - 1, view.Groups.SelectMany(g => g.Rows).SelectMany(r => r.Cells).Max(c => c.Step));
    }

    [Fact]
    public void Against_KeepsTheMiddle_ForWhatIsNotShown()
    {
        // Both are 240 token/s with a noise of one per cent: the same variant measured again.
        CellResult[] cells = [.. s_run.Cells.Where(c => c.Cell.Workload == "latency" && c.Cell.Variant.ShortName is "F16")];
        CellResult twin = SampleRun.Make(seed: 21).Cells.First(c => c.Cell.Workload == "latency" && c.Cell.Variant.ShortName is "F16");
        cells = [.. cells,
            twin with {
                Cell = new Cell(twin.Cell.Model, Variant.Parse("BF16"), twin.Cell.Backend, twin.Cell.Workload, twin.Cell.Settings) }];

        MatrixCell cell = Cell(MatrixDifferences.Against(View("tg_tps", cells), s_base, cells), "BF16");

        Assert.Equal(MatrixDifferences.Middle, cell.Step);
        Assert.Contains("not told apart", cell.Name, StringComparison.Ordinal);
        Assert.Contains('%', cell.Text); // the estimate stays visible
    }

    [Fact]
    public void Against_LeavesTheBaseItsFigures_AndFailuresTheirWords()
    {
        MatrixView view = Against("perplexity");

        Assert.Equal("gguf:F16", view.Baseline);
        Assert.DoesNotContain('%', Cell(view, "F16").Text);
        Assert.True(Cell(view, "F16").Reference);
        Assert.Equal(MatrixCellKind.Failed, Cell(view, "IQ1_S").Kind);
        Assert.Contains("of 9 cells", view.Finding, StringComparison.Ordinal);
    }

    [Fact]
    public void Against_ReachesBothEnds_OfTheTones()
    {
        int[] steps = [
            .. Against("tg_tps").Groups.SelectMany(g => g.Rows).SelectMany(r => r.Cells).Where(c => c.Kind == MatrixCellKind.Value)
                .Select(c => c.Step)];

        Assert.Contains(MatrixDifferences.Steps - 1, steps);
        Assert.All(steps, s => Assert.InRange(s, 0, MatrixDifferences.Steps - 1));
    }

    [Fact]
    public void Against_IsTheFiguresThemselves_WhenTheBaseHasNoRow() =>
        Assert.Null(MatrixDifferences.Against(View("tg_tps", s_run.Cells), Variant.Parse("Q5_0"), s_run.Cells).Baseline);

    [Fact]
    public void Differences_OfShares_AreInPercentagePoints() =>
        Assert.EndsWith("pp", Cell(Against("same_top"), "Q2_K").Text, StringComparison.Ordinal);

    [Fact]
    public void EveryPlace_LeadsToADrawer_AndSaysWhy()
    {
        Cell planned = s_run.Cells[0].Cell;
        RunDetail run = Detail(s_run.Cells.RemoveAt(0)) with { State = RunState.Stopped, Planned = [.. s_run.Cells.Select(c => c.Cell)] };

        PlannedCell? waiting = PlannedCell.Find(run, planned.Id.Value);
        PlannedCell? absent = PlannedCell.Find(run, PlannedCell.KeyOf(planned.Variant, planned.Backend));

        Assert.Equal(("not run", $"./run-bench.sh resume {run.Info.Id}"), (waiting?.Word, waiting?.Command));
        Assert.Equal("not in the suite", absent?.Word);
        Assert.Null(PlannedCell.Find(run, s_run.Cells[1].Cell.Id.Value)); // has a result: its own drawer
        Assert.Null(PlannedCell.Find(run, "gguf:Q5_0@llamacpp/cpu")); // no such row
        Assert.Null(PlannedCell.Find(run, "nonsense"));
    }

    private static MatrixView Against(string metric) => MatrixDifferences.Against(View(metric, s_run.Cells), s_base, s_run.Cells);

    private static MatrixView View(string metric, IEnumerable<CellResult> cells)
    {
        RunDetail run = Detail([.. cells]);
        return MatrixBuilder.Build(run, MetricTable.Get(metric), MatrixBuilder.Slices(run, MetricTable.Get(metric))[0], perColumn: false);
    }

    private static RunDetail Detail(ImmutableArray<CellResult> cells) =>
        new(s_run.Info, "folder", RunState.Completed, new RunCounts(cells.Length, 0, 0, cells.Length),
            [.. cells.Select((c, i) => new CellView(i, c))], []);

    private static MatrixCell Cell(MatrixView view, string variant) =>
        view.Groups.SelectMany(g => g.Rows).First(r => r.Variant == Variant.Parse(variant)).Cells[0];
}
