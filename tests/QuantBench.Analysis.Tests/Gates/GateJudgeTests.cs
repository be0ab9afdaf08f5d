using System.Collections.Immutable;
using System.Xml.Linq;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Gates;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Gates;
using QuantBench.Core.Limits;
using QuantBench.Core.Profiles;
using QuantBench.Core.Statistics;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Gates;

public sealed class GateJudgeTests
{
    private readonly CandidateSet _set = CandidateSet.Of(SampleRun.Make("run-a"));

    [Theory]
    [InlineData("{ variant: Q4_K_M, metric: perplexity, max: +2%, vs: gguf:F32 }", true)] // +1.63 ± 0.12 %
    [InlineData("{ variant: Q4_K_M, metric: perplexity, max: +1%, vs: gguf:F32 }", false)]
    [InlineData("{ variant: Q4_K_M, metric: tg_tps, min: 20 }", true)]
    [InlineData("{ variant: Q4_K_M, metric: tg_tps, min: 1000 }", false)]
    [InlineData("{ variant: Q4_K_M, metric: rss_peak, max: 1GiB }", true)]
    // the interval reaches past the limit; the estimate decides
    [InlineData("{ variant: Q4_K_M, metric: perplexity, max: +1.7%, vs: gguf:F32 }", true)]
    [InlineData("{ variant: Q4_K_M, metric: perplexity, max: +1.7%, vs: gguf:F32, unsure: fail }", false)]
    [InlineData("{ variant: Q4_K_M, metric: perplexity, max: +1.6%, vs: gguf:F32 }", false)]
    [InlineData("{ variant: Q4_K_M, metric: perplexity, max: +1.6%, vs: gguf:F32, unsure: pass }", true)]
    [InlineData("{ variant: Q5_0, metric: tg_tps, min: 1 }", false)] // not in the run
    [InlineData("{ variant: IQ1_S, metric: perplexity, max: 100 }", false)] // its cell failed
    [InlineData("{ variant: Q4_K_M, metric: device_memory, max: 1 }", false)] // not measured
    public void Judge_KeepsOrBreaks(string rule, bool passes)
    {
        GateReport report = GateJudge.Judge(_set, Rules(rule));

        Assert.Equal(passes, report.Passed);
        Assert.True(passes || report.Results[0].Reason.Length > 0);
    }

    [Fact]
    public void Judge_HoldsARunAgainstItsBaseline()
    {
        ImmutableArray<GateRule> rules = Rules("{ variant: 'Q*', metric: tg_tps, min: -3%, vs: baseline }");

        Assert.True(GateJudge.Judge(CandidateSet.Of(SampleRun.Make("run-b", seed: 11)), rules, _set).Passed);
        GateReport slower = GateJudge.Judge(CandidateSet.Of(SampleRun.Make("run-b", speed: 0.9, seed: 11)), rules, _set);
        Assert.All(slower.Results, r => Assert.False(r.Passed));
        Assert.Throws<RequestException>(() => GateJudge.Judge(_set, rules));
    }

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(0, 0.1, false)]
    public void Judge_KeepsAZero_AgainstABaselineOfZero(double before, double now, bool passes)
    {
        ImmutableArray<GateRule> rules = Rules("{ variant: Q4_K_M, metric: kl_mean, max: +10%, vs: baseline }");

        GateReport report = GateJudge.Judge(With("run-b", now), rules, With("run-a", before));

        Assert.Equal(passes, report.Passed);
        Assert.True(passes || report.Results[0].Reason.Contains("the base is 0", StringComparison.Ordinal));

        static CandidateSet With(string id, double kl)
        {
            RunRecord run = SampleRun.Make(id);
            return CandidateSet.Of(run with
            {
                Cells = [.. run.Cells.Select(c => c with
                {
                    Metrics = [.. c.Metrics.Select(m => m.Name == "kl_mean" ? m with { Value = kl, Error = 0 } : m)],
                })],
            });
        }
    }

    [Fact]
    public void Judge_HasNoFigure_OfADisturbedCell()
    {
        RunRecord run = SampleRun.Make("run-a");
        CandidateSet disturbed = CandidateSet.Of(run with
        {
            Cells = [.. run.Cells.Select(c => c with
            {
                Metrics = [.. c.Metrics.Select(m => m.Name == "tg_tps" ? MeasurementBuilder.AsDisturbed(m, "a build") : m)],
            })],
        });

        GateReport report = GateJudge.Judge(disturbed, Rules("{ variant: Q4_K_M, metric: tg_tps, min: 1 }"));

        Assert.False(report.Passed);
        Assert.Contains("disturbed", report.Results[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Judge_JudgesEveryText_UnderItsName()
    {
        CandidateSet two = CandidateSet.Of(OfTwoTexts(worse: 1.05));

        GateReport report = GateJudge.Judge(two, Rules("{ variant: Q4_K_M, metric: perplexity, max: 39 }"));
        GateReport named = GateJudge.Judge(two, Rules("{ variant: Q4_K_M, metric: perplexity@dataset=sotu, max: 39 }"));
        GateReport speed = GateJudge.Judge(two, Rules("{ variant: Q4_K_M, metric: tg_tps, min: 1 }"));

        Assert.Equal([("Q4_K_M: perplexity ≤ 39 (sotu)", true), ("Q4_K_M: perplexity ≤ 39 (other)", false)],
            report.Results.Select(r => (r.Rule.Name, r.Passed)));
        Assert.True(named.Passed);
        Assert.Single(named.Results);
        Assert.Single(speed.Results);
        RunTable table = RunTableBuilder.Build(two.Run);
        Assert.Equal(["Perplexity sotu", "Perplexity other"],
            table.Columns.Where(c => c.Id.StartsWith("perplexity", StringComparison.Ordinal)).Select(c => c.Title));
        Assert.Equal(["ΔPPL sotu", "ΔPPL other"],
            table.Columns.Where(c => c.Id.StartsWith("ppl_change", StringComparison.Ordinal)).Select(c => c.Title));
    }

    [Fact]
    public void Recommend_ToleratesALossOnEveryText()
    {
        var profile = new Profile { Name = "test", Limits = [Bound.Parse("ppl_rise<=3%")] };

        Recommendation one = Recommender.Recommend(_set, profile, EngineCatalog.None)[0];
        Recommendation both = Recommender.Recommend(CandidateSet.Of(OfTwoTexts(worse: 1.05)), profile, EngineCatalog.None)[0];

        Assert.Contains(one.Ranked, c => c.Name == "gguf:Q4_K_M");
        Assert.DoesNotContain(both.Ranked, c => c.Name == "gguf:Q4_K_M");
        Assert.Contains("PPL rise at dataset=other", DecisionText.Why(both.Losers.Single(c => c.Name == "gguf:Q4_K_M")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void JudgeOwn_LeavesWhatNeedsAnotherRunToANote()
    {
        ImmutableArray<GateRule> rules = Rules("{ variant: Q4_K_M, metric: tg_tps, min: 1 }",
            "{ variant: Q4_K_M, metric: tg_tps, min: -3%, vs: baseline }", "{ variant: Q5_1, metric: tg_tps, min: 1 }");
        RunRecord run = SampleRun.Make("run-a");

        GateReport whole = GateJudge.JudgeOwn(_set, rules)!; // has rules
        GateReport narrowed = GateJudge.JudgeOwn(CandidateSet.Of(run with { Info = run.Info with { Only = ["Q4_*"] } }), rules)!;

        Assert.Null(GateJudge.JudgeOwn(_set, []));
        Assert.Equal([true, false], whole.Results.Select(r => r.Passed)); // no Q5_1: what wasn't measured isn't kept
        Assert.Contains("1 gate against a baseline not judged: quantbench gate run-a --baseline RUN", whole.Notes);
        Assert.Single(narrowed.Results);
        Assert.True(narrowed.Passed);
        Assert.Contains(narrowed.Notes, n => n.Contains("narrowed to Q4_*", StringComparison.Ordinal));
    }

    [Fact]
    public void JUnit_CountsFailuresAndErrors()
    {
        GateReport report =
            GateJudge.Judge(_set,
                Rules("{ variant: Q4_K_M, metric: tg_tps, min: 1000 }", "{ variant: Q5_0, metric: tg_tps, min: 1 }",
                    "{ variant: Q4_K_M, metric: tg_tps, min: 1 }"));

        XElement suites = XDocument.Parse(GateText.JUnit(report)).Root!;
        Assert.Equal(("3", "1", "1"),
            ((string?)suites.Attribute("tests"), (string?)suites.Attribute("failures"), (string?)suites.Attribute("errors")));
        Assert.Equal(3, suites.Descendants("testcase").Count());
        Assert.Contains("| **broken** |", GateText.Markdown(report), StringComparison.Ordinal);
        Assert.Contains("breaks 2 of 3 gates", GateText.Lead(report), StringComparison.Ordinal);
    }

    // The same cells on another text, where every quantized variant loses more; divergence was measured on both.
    private static RunRecord OfTwoTexts(double worse)
    {
        RunRecord run = SampleRun.Make("run-a");
        return run with
        {
            Cells = [.. run.Cells, .. run.Cells.Where(c => c.Cell.Workload is "perplexity" or "divergence").Select(c => c with
            {
                Cell = new Cell(c.Cell.Model, c.Cell.Variant, c.Cell.Backend, c.Cell.Workload, c.Cell.Settings.With("dataset", "other")),
                Metrics = [.. c.Metrics.Select(m => c.Cell.Variant.ShortName is not ("F32" or "F16")
                    && m.Name is ("perplexity" or "ppl_ratio") ? m with { Value = m.Value * worse, Samples = null } : m)],
            })],
        };
    }

    private static ImmutableArray<GateRule> Rules(params string[] rules) =>
        GateReader.OfSuite($"gates:\n{string.Concat(rules.Select(r => $"  - {r}\n"))}", "test");
}
