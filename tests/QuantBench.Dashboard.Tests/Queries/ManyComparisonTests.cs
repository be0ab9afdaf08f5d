using QuantBench.Analysis.Compare;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Pages;
using QuantBench.Dashboard.Queries;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Dashboard.Tests.Queries;

[Collection(DashboardCollection.Name)]
public sealed class ManyComparisonTests(DashboardFixture dashboard)
{
    private static string Side(string variant) => $"{DashboardFixture.FirstRun}:gguf:{variant}";

    private ManyComparisonQueries Asked =>
        (ManyComparisonQueries)(dashboard.Host.Services.GetService(typeof(ManyComparisonQueries))
            ?? throw new InvalidOperationException("not registered"));

    [Fact]
    public async Task Compare_GivesARowAColumnPerCandidate_AndPutsWhatDiffersFirst()
    {
        ManyComparison many = await Asked.CompareAsync(Side("F16"), [Side("Q8_0"), Side("Q4_0"), Side("Q2_K")]);

        Assert.Equal(["gguf:F16", "gguf:Q8_0", "gguf:Q4_0", "gguf:Q2_K"], many.Labels.AsEnumerable());
        Assert.All(many.Groups(null), g =>
        {
            Assert.All(g.Shown, r => Assert.Equal(3, r.Sides.Length));
            Assert.All(g.Shown, r => Assert.Contains(r.Sides, s => s?.Verdict is Verdict.Better or Verdict.Worse or Verdict.Different));
            Assert.All(g.Others,
                r => Assert.DoesNotContain(r.Sides, s => s?.Verdict is Verdict.Better or Verdict.Worse or Verdict.Different));
            Assert.Equal(g.Shown.OrderBy(r => r.Order).ThenByDescending(r => r.Size).Select(r => r.Metric.Name),
                g.Shown.Select(r => r.Metric.Name));
        });
    }

    [Fact]
    public async Task Groups_WithoutADifference_ComeLast()
    {
        // Two runs of the same variants: quality is the same figure, speed isn't.
        ManyComparison many = await Asked.CompareAsync(DashboardFixture.FirstRun, [DashboardFixture.SecondRun]);

        Assert.Equal("Speed", many.Groups(null)[0].Title);
        Assert.Empty(many.Groups(null)[^1].Shown);
    }

    [Fact]
    public async Task Correction_CountsAllCandidatesTogether()
    {
        ManyComparison one = await Asked.CompareAsync(Side("F16"), [Side("Q8_0")]);
        ManyComparison three = await Asked.CompareAsync(Side("F16"), [Side("Q8_0"), Side("Q4_0"), Side("Q2_K")]);

        int tested(ManyComparison many) => many.Comparisons.SelectMany(c => c.Rows).Count(r => r.AdjustedP is not null);
        Assert.Equal(3 * tested(one), tested(three));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    public async Task Compare_Refuses_TooFewAndTooMany(int others) =>
        await Assert.ThrowsAsync<RequestException>(() => Asked.CompareAsync(Side("F16"), [.. Enumerable.Repeat(Side("Q8_0"), others)]));

    [Fact]
    public async Task Focus_DrawsTheSamplesOfEverySide()
    {
        ManyComparison many = await Asked.CompareAsync(Side("F16"), [Side("Q8_0"), Side("Q4_0")]);
        ComparisonFocus? focus = ManyComparisonQueries.Focus(many, null, null);

        Assert.NotNull(focus);
        Assert.Equal("tg_tps", focus.Metric.Name);
        Assert.Equal(["gguf:F16", "gguf:Q8_0", "gguf:Q4_0"], (await Asked.DistributionAsync(many, focus))?.Rows.Select(r => r[0]));
        Assert.Equal("llamacpp/cpu", Assert.Single(await Asked.BackendsAsync(many, focus)).Backend);
    }

    [Fact]
    public void Parts_BecomeSides_WhateverIsLeftOut() => Assert.Equal(
        ["one:gguf:Q4_0", "two:*@llamacpp/cpu", "three"],
        SideParts.Join(["one", ":gguf:Q4_0", "two", "@llamacpp/cpu", "", "three"]).AsEnumerable());

    [Fact]
    public void Next_ProposesAVariantThatIsNotThereYet()
    {
        RunRecord run = SampleRun.Make();
        var last = new ComparisonSide(run, Variant.Parse("F32"));

        string? next = SideParts.Next([$"{run.Info.Id}:gguf:F32", $"{run.Info.Id}:gguf:F16"], last, []);

        Assert.Equal($"{run.Info.Id}:gguf:Q8_0", next);
    }
}
