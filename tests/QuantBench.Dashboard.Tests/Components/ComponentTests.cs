using System.Globalization;
using AngleSharp.Dom;
using Bunit;
using Microsoft.Extensions.DependencyInjection;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Metrics;
using QuantBench.Dashboard.Components;
using QuantBench.Dashboard.Queries;

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
        IRenderedComponent<MatrixTable> table = Render<MatrixTable>(p => p.Add(t => t.View, SampleMatrix.View()).Add(t => t.Selected, "c1"));

        IElement open = table.Find("a[aria-current=true]");
        Assert.Equal("c-c1", open.Id);
        Assert.Equal("0", open.GetAttribute("tabindex"));
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
        IRenderedComponent<IntervalBar> bar = Render<IntervalBar>(p => p.Add(b => b.Estimate, difference).Add(b => b.Low, difference - 0.01).Add(b => b.High, difference + 0.01).Add(b => b.Direction, direction));

        string tick = bar.Find("path.est").GetAttribute("d") ?? "";
        double x = double.Parse(tick[1..tick.IndexOf(' ', StringComparison.Ordinal)], CultureInfo.InvariantCulture);
        Assert.Equal(right, x > 75);
    }

    [Theory]
    [InlineData(Verdict.NoDifferenceShown, "no difference shown", "none")]
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
        IRenderedComponent<EmptyState> empty = Render<EmptyState>(p => p.Add(e => e.Why, "No runs yet.").Add(e => e.Command, "./run-bench.sh run suites/quick.yaml"));

        Assert.Equal("./run-bench.sh run suites/quick.yaml", empty.Find("[data-copy]").GetAttribute("data-copy"));
    }

    [Fact]
    public void SampleStrip_DrawsEverySample()
    {
        double[] samples = [118, 117.5, 119, 100, 118.2];
        IRenderedComponent<SampleStrip> strip = Render<SampleStrip>(p => p.Add(s => s.Samples, samples).Add(s => s.Metric, Measurement.Of("tg_tps", 118) with { Ci95 = [117.5, 118.5] }));

        Assert.Equal(samples.Length, strip.FindAll("circle").Count);
        Assert.Contains("5 samples of tg_tps between 100", strip.Find("svg").GetAttribute("aria-label"), StringComparison.Ordinal);
    }
}
