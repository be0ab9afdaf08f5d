using QuantBench.Core.Errors;
using QuantBench.Core.Traffic;
using QuantBench.Inference.Servers;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Tests.Traffic;

public sealed class CapacitySearchTests
{
    private static readonly ServiceObjective s_objective = ServiceObjective.Parse("ttft_p99 100ms", out _)!; // right as written

    [Theory]
    [InlineData(40)]
    [InlineData(137)]
    [InlineData(1000)]
    public void Run_FindsAKnownCapacity(double capacity)
    {
        CapacityResult found = Search(plan => MadeLog.Queue(plan, capacity, 20));

        Assert.InRange(found.Rate, capacity * 0.95, capacity * 1.05);
        Assert.InRange(found.Probes.Length, 3, CapacitySearch.MostProbes);
        Assert.True(found.Low <= found.Rate && found.Rate <= found.High);
        Assert.True(found.High <= capacity * 1.1, $"{found.Low} to {found.High}");
    }

    [Fact]
    public void Run_FindsTheRateThatTheObjectiveAllows_BelowWhatTheServerCanAnswer()
    {
        // It answers 200 a second whatever comes, but above 70 a second too late.
        CapacityResult found = Search(plan => plan.Arrivals == ArrivalKind.Closed ? MadeLog.Queue(plan, 200, 20)
            : MadeLog.Queue(plan, 10_000, plan.Rate > 70 ? 150 : 20));

        Assert.InRange(found.Rate, 70 * 0.95, 70 * 1.05);
    }

    [Fact]
    public void Run_Says_WhenNoRateKeepsTheObjective() =>
        Assert.Contains("the lowest rate tried", Assert.Throws<EngineException>(
            () => Search(plan => MadeLog.Queue(plan, 100, 500))).Message, StringComparison.Ordinal);

    [Fact]
    public void Run_EndsAtWhatTheLoadGeneratorCanMake()
    {
        CapacityResult found = Search(plan => MadeLog.Queue(plan, 500, 20),
            plan => { if (plan.Rate > 100) throw new EngineException("too much for it"); });

        Assert.InRange(found.Rate, 95, 100);
        Assert.Contains(found.Notes, n => n.Contains("too much for it", StringComparison.Ordinal));
    }

    [Fact]
    public void Judge_CountsFailuresAsBeyondEveryLimit()
    {
        RequestRecord[] requests =
        [
            .. Enumerable.Range(0, 95).Select(i => MadeLog.Answered(i, i * 10, (i * 10) + 20, (i * 10) + 21)),
            .. Enumerable.Range(95, 5).Select(i => MadeLog.Failed(i, i * 10, ServerFault.RateLimited)),
        ];

        CapacityProbe probe = CapacitySearch.Judge(100, MadeLog.Of(requests, 0, 1000), s_objective);

        Assert.False(probe.Kept);
        Assert.Contains("5 % of 100", probe.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Judge_SeesAQueueThatGrows()
    {
        // Never beyond the limit, but ten times as slow at the end as at the start.
        RequestRecord[] requests =
            [.. Enumerable.Range(0, 300).Select(i => MadeLog.Answered(i, i * 10, (i * 10) + 8 + (i * 0.27), (i * 10) + 100))];

        Assert.False(CapacitySearch.Judge(100, MadeLog.Of(requests, 0, 3000), s_objective).Kept);
    }

    private static CapacityResult Search(Func<TrafficPlan, TrafficLog> load, Action<TrafficPlan>? check = null) =>
        new CapacitySearch(ArrivalProcessTests.Plan(ArrivalKind.Constant, 1) with { Seconds = 5, WarmUpSeconds = 1 }, s_objective, load,
            (_, plan) => check?.Invoke(plan)).Run();
}
