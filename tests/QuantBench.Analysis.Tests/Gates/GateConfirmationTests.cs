using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Gates;
using QuantBench.Core.Gates;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Gates;

public sealed class GateConfirmationTests
{
    private static readonly ImmutableArray<GateRule> s_rules = GateReader.OfSuite(
        "gates: [{ variant: Q4_K_M, metric: tg_tps, min: -3%, vs: baseline }, { variant: Q4_K_M, metric: perplexity, max: 1 }]\n", "test");

    private readonly CandidateSet _before = CandidateSet.Of(SampleRun.Make("run-a"));

    [Theory]
    [InlineData(new[] { 1.0, 1, 1 }, false, "the run alone broke it; measured again: broken in 0 of 3")]
    [InlineData(new[] { 0.9, 1, 1 }, false, "broken in 1 of 3")]
    [InlineData(new[] { 0.9, 0.9, 1 }, true, "measured again: broken in 2 of 3")]
    [InlineData(new[] { 0.9, 1 }, false, "broken in 1 of 2")] // a tie shows nothing
    public void Apply_TakesTheMajorityOfFurtherRuns(double[] speeds, bool broken, string reason)
    {
        GateReport suspected = Judge(0.9, 3);
        GateReport[] again = [.. speeds.Select((s, i) => Judge(s, 10 + i))];

        GateReport report = GateConfirmation.Apply(suspected, again, inTurns: false);

        Assert.Equal(!broken, report.Results[0].Passed);
        Assert.Contains(reason, report.Results[0].Reason, StringComparison.Ordinal);
        Assert.Equal(suspected.Results[1], report.Results[1]); // quality is the same each time
    }

    [Fact]
    public void Apply_LeavesIt_WhenNoRunHasAFigure()
    {
        GateReport report = GateConfirmation.Apply(Judge(0.9, 3), [], inTurns: true);

        Assert.False(report.Results[0].Passed);
        Assert.Contains("never with a clean figure", report.Results[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Suspects_AreBrokenTimings_AndTheirCells()
    {
        CandidateSet slow = CandidateSet.Of(SampleRun.Make("run-b", speed: 0.9, seed: 3));
        GateReport report = GateJudge.Judge(slow, s_rules, _before);

        GateResult suspect = Assert.Single(GateConfirmation.Suspects(report));

        Assert.Equal("tg_tps", suspect.Rule.Metric.Metric);
        Assert.All(GateConfirmation.Cells(slow, [suspect]), c => Assert.Equal(("gguf:Q4_K_M", "latency"), (c.Variant.Id, c.Workload)));
        Assert.Empty(GateConfirmation.Suspects(Judge(1, 4)));
    }

    private GateReport Judge(double speed, int seed) =>
        GateJudge.Judge(CandidateSet.Of(SampleRun.Make("run-b", speed: speed, seed: seed)), s_rules, _before);
}
