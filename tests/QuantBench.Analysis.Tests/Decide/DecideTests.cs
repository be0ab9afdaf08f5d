using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Estimates;
using QuantBench.Analysis.Plots;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Limits;
using QuantBench.Core.Profiles;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Decide;

public sealed class DecideTests
{
    private readonly CandidateSet _set = CandidateSet.Of(SampleRun.Make());

    [Fact]
    public void Places_TellFront_Undecided_AndBeaten()
    {
        ImmutableArray<Estimate>[] points =
        [
            [Estimate.Exactly(4), Estimate.WithError(10, 0.1)],
            [Estimate.Exactly(5), Estimate.WithError(9.9, 0.1)], // larger, and slower only within the noise
            [Estimate.Exactly(5), Estimate.WithError(5, 0.1)], // larger and slower
            [Estimate.Exactly(8), Estimate.WithError(20, 0.1)],
        ];

        ImmutableArray<(FrontPlace Place, int By)> places = ParetoAnalyzer.Places(points, [false, true], 0);

        Assert.Equal([FrontPlace.Front, FrontPlace.MaybeFront, FrontPlace.Beaten, FrontPlace.Front], places.Select(p => p.Place));
        Assert.Equal([-1, 0, 0, -1], places.Select(p => p.By));
        Assert.Equal(FrontPlace.Beaten, ParetoAnalyzer.Places(points, [false, true], 0.05)[1].Place); // a loss within 5 % counts as none
        Assert.True(ParetoAnalyzer.ShowsUnbeaten(points, [false, true], 3));
    }

    [Fact]
    public void Places_AgreeWithTheDefinition_ByEstimates()
    {
        var random = new Random(5);
        ImmutableArray<Estimate>[] points = [
            .. Enumerable.Range(0, 300)
                .Select(_ => (ImmutableArray<Estimate>)[.. Enumerable.Range(0, 3).Select(_ => Estimate.Exactly(random.Next(12)))])];

        ImmutableArray<(FrontPlace Place, int By)> places = ParetoAnalyzer.Places(points, [false, true, false], 0);

        for (int i = 0; i < points.Length; i++)
        {
            bool beaten =
                points.Any(p =>
                    p[0].Value <= points[i][0].Value && p[1].Value >= points[i][1].Value && p[2].Value <= points[i][2].Value
                        && !p.SequenceEqual(points[i]));
            Assert.Equal(beaten ? FrontPlace.Beaten : FrontPlace.Front, places[i].Place); // exact figures leave nothing undecided
        }
    }

    [Fact]
    public void Analyze_NamesWhatIsLeftOut_AndDrawsTheRest()
    {
        ParetoFront front = Assert.Single(ParetoAnalyzer.Analyze(_set, ParetoAnalyzer.DefaultAxes(_set)));

        Assert.Equal(["bits_per_weight", "kl_mean", "tg_tps"], front.Axes.Select(a => a.Metric));
        // the reference's distance from itself
        Assert.Contains(front.Points, p => p.Name == "gguf:F32" && p.Figures[1] == Estimate.Exactly(0));
        Assert.Contains("IQ1_S", Assert.Single(front.Dropped).Name, StringComparison.Ordinal);
        PlotFigure? figure = ParetoFrontPlot.Draw(front);
        Assert.Contains("Q4_K_M", figure!.Svg, StringComparison.Ordinal);
        Assert.Equal(front.Points.Length, figure.Rows.Length);
    }

    [Fact]
    public void Draw_RingsThePick_AndHatchesWhatALimitExcludes()
    {
        ParetoFront front =
            Assert.Single(ParetoAnalyzer.Analyze(_set, [MetricSelector.Parse("bits_per_weight"), MetricSelector.Parse("kl_mean")]));
        PlotFigure plain = ParetoFrontPlot.Draw(front)!; // two axes with figures
        PlotFigure marked = ParetoFrontPlot.Draw(front, pick: "gguf:Q4_K_M", bounds: [Bound.Parse("bits_per_weight<=6")])!;
        PlotFigure beyond = ParetoFrontPlot.Draw(front, bounds: [Bound.Parse("bits_per_weight<=600")])!;

        Assert.Contains("ring", marked.Caption, StringComparison.Ordinal);
        Assert.Contains("bits_per_weight ≤ 6", marked.Svg, StringComparison.Ordinal);
        Assert.True(marked.Svg.Length > plain.Svg.Length + 2000, "is the excluded side hatched?");
        Assert.InRange(beyond.Svg.Length, plain.Svg.Length - 200, plain.Svg.Length + 200); // a limit off the axis draws nothing; ids differ
        Assert.DoesNotContain("bits_per_weight ≤", beyond.Svg, StringComparison.Ordinal);
        Assert.Contains("no zero", plain.Caption, StringComparison.Ordinal); // the reference's distance from itself, on a logarithmic axis
    }

    [Fact]
    public void Analyze_Throws_WithoutADirection() =>
        Assert.Throws<RequestException>(() =>
            ParetoAnalyzer.Analyze(_set, [MetricSelector.Parse("tg_tps"), MetricSelector.Parse("delta_p_mean")]));

    [Fact]
    public void Recommend_RanksWhatFits_AndSaysWhyOthersLost()
    {
        Recommendation answer = Assert.Single(
            Recommender.Recommend(_set, Make("tg_tps>=250", "ppl_rise<=3%", "artifact_size<=8MiB"), EngineCatalog.None));

        // Shares by hand: Q5_K_M uses 250/340 of the speed limit, 0.13 of 3 % and 4.12 of 8 MiB: 43 %; Q6_K comes next with 50 %.
        Assert.Equal(["gguf:Q5_K_M", "gguf:Q6_K"], answer.Ranked.Take(2).Select(c => c.Name));
        Assert.Equal(0.431, answer.Pick?.Score ?? 0, 0.005);
        Assert.Equal("tg_tps", answer.Pick?.Tightest?.Bound.Metric.Metric);
        Contender f32 = answer.Losers.Single(c => c.Name == "gguf:F32");
        // ×2.8 of its limit, further off than the speed
        Assert.StartsWith("artifact_size is 22.1", DecisionText.Why(f32), StringComparison.Ordinal);
        Assert.Contains("; tg_tps is ", DecisionText.Why(f32), StringComparison.Ordinal);
        Assert.Contains("ppl_rise", DecisionText.Why(answer.Losers.Single(c => c.Name == "gguf:TQ2_0")), StringComparison.Ordinal);
        Assert.Contains("not of a test", string.Join(' ', answer.Notes), StringComparison.Ordinal);
        Assert.Contains("ship gguf:Q5_K_M", DecisionText.Lead(answer), StringComparison.Ordinal);
    }

    [Fact]
    public void Recommend_ScoresByTheSharesItPrints()
    {
        Recommendation answer = Recommender.Recommend(_set, Make("tg_tps>=100", "artifact_size<=50MiB"), EngineCatalog.None)[0];

        Assert.All(answer.Ranked, c => Assert.Equal(c.Checks.Average(k => k.Use!.Value), c.Score!.Value, 1e-12));
        Assert.Equal(answer.Ranked.OrderBy(c => c.Score).Select(c => c.Name), answer.Ranked.Select(c => c.Name));
    }

    [Fact]
    public void Recommend_NamesTheNearestMiss_WhenNothingFits()
    {
        Recommendation answer = Recommender.Recommend(_set, Make("artifact_size<=2MiB", "ppl_rise<=5%"), EngineCatalog.None)[0];

        Assert.Null(answer.Pick);
        Assert.Equal("gguf:Q3_K_M", answer.NearestMiss?.Name); // 3.13 MiB and +3.0 %: Q2_K is smaller but breaks both
        Assert.Contains("nothing fits", DecisionText.Lead(answer), StringComparison.Ordinal);
        Assert.Contains("It would fit with artifact_size ≤ ", DecisionText.Lead(answer), StringComparison.Ordinal);
    }

    [Fact]
    public void Recommend_RefusesUnknownLicences()
    {
        Profile profile = Make("tg_tps>=1") with { Licences = ["mit"] };

        Assert.Empty(Recommender.Recommend(_set, profile, EngineCatalog.None)[0].Ranked);
        Profile named = profile with { ModelLicences = profile.ModelLicences.Add("reference", "MIT") };
        Assert.NotEmpty(Recommender.Recommend(_set, named, EngineCatalog.None)[0].Ranked);
    }

    [Fact]
    public void Recommend_LeavesServersOut_WhenTheProfileIsOffline()
    {
        Profile profile = Make("tg_tps>=1") with { Offline = true };
        string engine = _set.All[0].Backend.Engine;
        EngineCatalog Engines(bool isRemote) => new([new EngineFacts(engine, "", "cpu") { IsRemote = isRemote }]);

        Assert.NotEmpty(Recommender.Recommend(_set, profile, Engines(isRemote: false))[0].Ranked);
        Recommendation answer = Recommender.Recommend(_set, profile, Engines(isRemote: true))[0];
        Assert.Empty(answer.Ranked);
        Assert.All(answer.Losers, l => Assert.Contains(l.Refusals, r => r.Contains("needs a server", StringComparison.Ordinal)));
    }

    private static Profile Make(params string[] limits)
    {
        ImmutableArray<Bound> bounds = [.. limits.Select(l => Bound.Parse(l))];
        return new Profile { Name = "test", Limits = bounds, Weights = [.. bounds.Select(b => new ProfileWeight(b, 1))] };
    }
}
