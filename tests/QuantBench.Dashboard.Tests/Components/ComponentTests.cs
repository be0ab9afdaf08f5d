using System.Globalization;
using AngleSharp.Dom;
using Bunit;
using Microsoft.Extensions.DependencyInjection;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Metrics;
using QuantBench.Dashboard.Components;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Runs;

namespace QuantBench.Dashboard.Tests.Components;

public sealed class ComponentTests : BunitContext
{
    public ComponentTests() => Services.AddSingleton(TimeProvider.System);

    [Fact]
    public void MatrixTable_IsAGridWithOneTabStop_AndNamesEachCell()
    {
        IRenderedComponent<MatrixTable> table = Render<MatrixTable>(p => p.Add(t => t.View, SampleMatrix.View()));

        IElement grid = table.Find("table[role=grid]");
        Assert.Single(grid.QuerySelectorAll("a.cell[tabindex='0']"));
        Assert.Contains("gguf:Q4_0 on llamacpp/cpu: 410", grid.QuerySelector("a.h8")?.GetAttribute("aria-label"), StringComparison.Ordinal);
        Assert.Equal("failed", grid.QuerySelector("a.cell.f")?.TextContent.Trim());
        Assert.All(grid.QuerySelectorAll("tbody tr:not(.cls)"), r => Assert.Equal("row", r.QuerySelector("th")?.GetAttribute("scope")));
        Assert.Empty(table.FindAll("[style]"));
    }

    [Fact]
    public void MatrixTable_MarksTheOpenCell()
    {
        IRenderedComponent<MatrixTable> table =
            Render<MatrixTable>(p => p.Add(t => t.View, SampleMatrix.View()).Add(t => t.Selected, "c1"));

        IElement open = table.Find("a[aria-current=true]");
        Assert.Equal("c-c1", open.Id);
        Assert.Equal("0", open.GetAttribute("tabindex"));
    }

    [Fact]
    public void MatrixTable_ShowsDifferences_OnTheDivergingTones()
    {
        IRenderedComponent<MatrixTable> table =
            Render<MatrixTable>(p => p.Add(t => t.View, SampleMatrix.View() with { Baseline = "gguf:F16" }));

        Assert.NotNull(table.Find("a.cell.d8"));
        Assert.Empty(table.FindAll("a.cell.h8"));
        Assert.Equal(11, table.FindAll(".ramp i i").Count);
        Assert.Contains("differences to gguf:F16", table.Find("table").GetAttribute("aria-label"), StringComparison.Ordinal);
    }

    [Fact]
    public void ManyTable_HasAColumnPerCandidate_AndSaysWhatIsMissing()
    {
        var row = new MetricComparison
        {
            Cell = "cell",
            Metric = MetricTable.Get("tg_tps"),
            A = Measurement.Of("tg_tps", 100),
            B = Measurement.Of("tg_tps", 90),
            Difference = -0.1,
            Interval = new QuantBench.Core.Statistics.Interval(-0.12, -0.08),
            Verdict = Verdict.Worse,
            Note = "note"
        };
        IRenderedComponent<ManyTable> table =
            Render<ManyTable>(p =>
                p.Add(t => t.Rows, [new ManyRow("cell", row.Metric, row.A, [row, null])]).Add(t => t.Labels, ["one", "two"]));

        Assert.Equal(["Metric", "Base", "one", "two"], table.FindAll("thead th").Select(h => h.TextContent));
        Assert.Equal("worse", table.Find(".chip").TextContent);
        Assert.Contains("−12.0 to −8.0 %", table.Find(".pm").TextContent.Replace('\u00a0', ' '), StringComparison.Ordinal);
        Assert.Contains("not measured", table.FindAll("tbody td")[^1].TextContent, StringComparison.Ordinal);
        Assert.Equal("0", table.Find(".scroll").GetAttribute("tabindex"));
    }

    [Fact]
    public void PlannedDrawer_SaysWhy_AndWhatToDo()
    {
        var place = new QuantBench.Dashboard.Matrix.PlannedCell("key", "gguf:Q4_0", "llamacpp/cpu", "can", "not run",
            "The run was stopped before this cell.", "./run-bench.sh resume x", null);
        IRenderedComponent<PlannedDrawer> drawer = Render<PlannedDrawer>(p => p.Add(d => d.Place, place).Add(d => d.Suite, "quick"));

        Assert.Contains("stopped before", drawer.Find("section").TextContent, StringComparison.Ordinal);
        Assert.Equal("./run-bench.sh resume x", drawer.Find("code.cmd").TextContent);
        Assert.Equal("c-key", drawer.Find("[data-close]").GetAttribute("data-close"));
    }

    [Fact]
    public void SegmentBar_FillsItsWidth_InTheOrderOfTheWords()
    {
        IRenderedComponent<SegmentBar> bar = Render<SegmentBar>(p => p.Add(b => b.Counts, new RunCounts(5, 2, 1, 10)));

        IElement[] parts = [.. bar.FindAll("rect")];
        Assert.Equal(["ok", "uns", "fail", "todo"], parts.Select(p => p.ClassName));
        Assert.Equal(100, parts.Sum(p => double.Parse(p.GetAttribute("width") ?? "0", CultureInfo.InvariantCulture)), 6);
    }

    [Theory]
    [InlineData(Direction.Higher, 0.05, true)]
    [InlineData(Direction.Lower, 0.05, false)]
    [InlineData(Direction.Lower, -0.05, true)]
    public void IntervalBar_PutsBetterAtTheRight(Direction direction, double difference, bool right)
    {
        IRenderedComponent<IntervalBar> bar =
            Render<IntervalBar>(p =>
                p.Add(b => b.Estimate, difference).Add(b => b.Low, difference - 0.01).Add(b => b.High, difference + 0.01)
                    .Add(b => b.Direction, direction));

        string tick = bar.Find("path.est").GetAttribute("d") ?? "";
        double x = double.Parse(tick[1..tick.IndexOf(' ', StringComparison.Ordinal)], CultureInfo.InvariantCulture);
        Assert.Equal(right, x > 75);
    }

    [Theory]
    [InlineData(Verdict.NotToldApart, "not told apart", "none")]
    [InlineData(Verdict.NoErrorKnown, "no error known", "nc")]
    [InlineData(Verdict.Equal, "equal", "none")]
    [InlineData(Verdict.NotComparable, "not comparable", "nc")]
    [InlineData(Verdict.Worse, "worse", "worse")]
    public void VerdictChip_SaysTheWord(Verdict verdict, string word, string mark)
    {
        IElement chip = Render<VerdictChip>(p => p.Add(c => c.Verdict, verdict)).Find(".chip");

        Assert.Equal(word, chip.TextContent);
        Assert.Contains(mark, chip.ClassName, StringComparison.Ordinal);
    }

    [Fact]
    public void EmptyState_TeachesTheCommand()
    {
        IRenderedComponent<EmptyState> empty =
            Render<EmptyState>(p => p.Add(e => e.Why, "No runs yet.").Add(e => e.Command, "./run-bench.sh run suites/quick.yaml"));

        Assert.Equal("./run-bench.sh run suites/quick.yaml", empty.Find("[data-copy]").GetAttribute("data-copy"));
    }

    [Fact]
    public void SampleStrip_DrawsEverySample()
    {
        double[] samples = [118, 117.5, 119, 100, 118.2];
        IRenderedComponent<SampleStrip> strip =
            Render<SampleStrip>(p =>
                p.Add(s => s.Samples, samples).Add(s => s.Metric, Measurement.Of("tg_tps", 118) with { Ci95 = [117.5, 118.5] }));

        Assert.Equal(samples.Length, strip.FindAll("circle").Count);
        Assert.Contains("5 samples of tg_tps between 100", strip.Find("svg").GetAttribute("aria-label"), StringComparison.Ordinal);
    }
}
