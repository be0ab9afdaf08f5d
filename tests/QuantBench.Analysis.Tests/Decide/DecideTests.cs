using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Estimates;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Limits;
using QuantBench.Core.Profiles;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
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
    public void Recommend_PicksTheSmallestThatKeepsEveryLimit_AndSaysWhyOthersLost()
    {
        Recommendation answer = Assert.Single(
            Recommender.Recommend(_set, Make("tg_tps>=250", "ppl_rise<=3%", "artifact_size<=8MiB"), EngineCatalog.None));

        Contender pick = answer.Pick!; // asserted by the next line
        Assert.All(answer.Ranked.Where(c => c.Unsure.IsEmpty), c => Assert.True(Size(c) >= Size(pick), c.Name));
        Assert.Contains(answer.Ranked, c => c.Name == "gguf:Q6_K");
        Contender f32 = answer.Losers.Single(c => c.Name == "gguf:F32");
        // ×2.8 of its limit, further off than the speed
        Assert.StartsWith("size is 22.1", DecisionText.Why(f32), StringComparison.Ordinal);
        Assert.Contains("; generation speed is ", DecisionText.Why(f32), StringComparison.Ordinal);
        Assert.Contains("PPL rise", DecisionText.Why(answer.Losers.Single(c => c.Name == "gguf:TQ2_0")), StringComparison.Ordinal);
        Assert.Contains("not of a test", string.Join(' ', answer.Notes), StringComparison.Ordinal);
        Assert.Contains($"ship {pick.Name}, the smallest (", DecisionText.Lead(answer), StringComparison.Ordinal);
        // what would be preferred is smaller, and its own limit is named
        Assert.True(Size(answer.Better!) < Size(pick));
        Assert.Contains($"{answer.Better!.Name} would be preferred", DecisionText.Lead(answer), StringComparison.Ordinal);
        Assert.Contains("PPL rise is ", DecisionText.Lead(answer), StringComparison.Ordinal);
    }

    [Fact]
    public void Recommend_PrefersSpeed_WhenTheProfileDoes()
    {
        Profile fast = Make("ppl_rise<=3%") with { Prefer = [MetricSelector.Parse("tg_tps"), MetricSelector.Parse("artifact_size")] };
        Recommendation answer = Recommender.Recommend(_set, fast, EngineCatalog.None)[0];

        Contender best = answer.Ranked.Where(c => c.Unsure.IsEmpty).MaxBy(c => c.Preferred[0].Value)!; // some fit
        // the fastest, or one that can't be told from it and is smaller
        Assert.True(answer.Pick == best || answer.Pick!.Preferred[1].Value < best.Preferred[1].Value);
        Assert.Contains("the fastest", DecisionText.Lead(answer), StringComparison.Ordinal);
        Assert.DoesNotContain("the smallest", DecisionText.Lead(answer), StringComparison.Ordinal);
    }

    [Fact]
    public void Recommend_PutsWhatIsShownToFit_BeforeWhatMayFit()
    {
        Recommendation answer = Recommender.Recommend(_set, Make("ppl_rise<=3%"), EngineCatalog.None)[0];

        bool[] unsure = [.. answer.Ranked.Select(c => !c.Unsure.IsEmpty)];
        Assert.Equal(unsure.Order(), unsure);
        Assert.All(answer.Ranked.Where(c => !c.Unsure.IsEmpty),
            c => Assert.Contains("by its estimate only", DecisionText.Note(answer, c), StringComparison.Ordinal));
    }

    [Fact]
    public void Recommend_NeverShipsFullPrecision_WhereAQuantIsWithinTheLoss()
    {
        Recommendation answer = Recommender.Recommend(_set, Make("rss_peak<=8GiB", "tg_tps>=15", "ppl_rise<=3%"), EngineCatalog.None)[0];

        // limits on memory and speed that every variant keeps easily decide nothing
        Assert.NotEqual(PrecisionClass.Full, answer.Pick!.Candidate.Class);
        Assert.DoesNotContain("binds", DecisionText.Lead(answer), StringComparison.Ordinal);
    }

    [Fact]
    public void Recommend_WarnsOfAModelThatTheProfileIsNotMeantFor()
    {
        Profile profile = Make("ppl_rise<=3%") with { LeastParameters = 5e8, MostParameters = 14e9 };

        string toy = DecisionText.Lead(Recommender.Recommend(_set, profile, EngineCatalog.None)[0]);
        string fit = DecisionText.Lead(Recommender.Recommend(_set, profile with { LeastParameters = 1e6 }, EngineCatalog.None)[0]);

        Assert.Contains("reference has about 5.8\u00a0million weights and the profile is for models of at least 500\u00a0million", toy,
            StringComparison.Ordinal);
        Assert.DoesNotContain("weights and the profile", fit, StringComparison.Ordinal);
    }

    [Fact]
    public void Reference_IsThatOfAnotherBackend_WhereItsOwnHasNone()
    {
        // What an engine of converted models has: variants and their divergence from gguf:F32, and not gguf:F32 itself.
        RunRecord run = SampleRun.Make();
        BackendId other = new BackendId("other", "cpu");
        CellResult[] moved = [.. run.Cells.Where(c => c.Cell.Variant.Id == "gguf:Q4_K_M")
            .Select(c => c with { Cell = new Cell(c.Cell.Model, c.Cell.Variant, other, c.Cell.Workload, c.Cell.Settings) })];
        CandidateSet set = CandidateSet.Of(run with { Cells = [.. run.Cells, .. moved] });
        Candidate here = set.All.Single(c => c.Variant.Id == "gguf:Q4_K_M" && c.Backend != other);
        Candidate there = set.All.Single(c => c.Backend == other);
        MetricSelector rise = MetricSelector.Parse("ppl_rise");

        Assert.Equal("gguf:F32", set.Reference(there)?.Variant.Id);
        Assert.Equal(set.Figure(here, rise).Estimate, set.Figure(there, rise).Estimate);
        Assert.Contains("against gguf:F32@", set.Figure(there, rise).Reason, StringComparison.Ordinal);
        RunTable table = RunTableBuilder.Build(set.Run);
        Assert.Equal(table.Rows.Single(r => r.Backend == here.Backend && r.Variant == here.Variant).Figures["ppl_change"].Text,
            table.Rows.Single(r => r.Backend == other).Figures["ppl_change"].Text);
    }

    [Fact]
    public void Recommend_NamesTheNearestMiss_WhenNothingFits()
    {
        Recommendation answer = Recommender.Recommend(_set, Make("artifact_size<=2MiB", "ppl_rise<=5%"), EngineCatalog.None)[0];

        Assert.Null(answer.Pick);
        Assert.Equal("gguf:Q3_K_M", answer.NearestMiss?.Name); // 3.13 MiB and +3.0 %: Q2_K is smaller but breaks both
        Assert.Contains("nothing fits", DecisionText.Lead(answer), StringComparison.Ordinal);
        Assert.Contains("It would fit with size ≤ ", DecisionText.Lead(answer), StringComparison.Ordinal);
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
        return new Profile { Name = "test", Limits = bounds };
    }

    private static double Size(Contender contender) => contender.Preferred[0].Value ?? double.NaN;
}
