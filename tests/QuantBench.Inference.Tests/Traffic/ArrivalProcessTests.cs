using QuantBench.Core.Traffic;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Tests.Traffic;

public sealed class ArrivalProcessTests
{
    private const int Many = 20_000;

    [Theory]
    [InlineData(ArrivalKind.Constant, 1, 0)]
    [InlineData(ArrivalKind.Poisson, 1, 1)]
    [InlineData(ArrivalKind.Gamma, 0.25, 2)] // coefficient of variation: one over the shape's root
    [InlineData(ArrivalKind.Gamma, 4, 0.5)]
    public void Seconds_HaveTheRateAndTheSpreadOfTheirKind(ArrivalKind kind, double burstiness, double variation)
    {
        double[] times = [.. ArrivalProcess.Seconds(Plan(kind, 50) with { Burstiness = burstiness }, new Random(3)).Take(Many)];

        double[] gaps = [.. times.Zip(times.Skip(1), (a, b) => b - a)];
        double mean = gaps.Average();
        Assert.InRange(mean, 0.02 * 0.97, 0.02 * 1.03);
        Assert.InRange(Math.Sqrt(gaps.Average(g => (g - mean) * (g - mean))) / mean, variation - 0.05, variation + 0.05);
        Assert.All(gaps, g => Assert.True(g >= 0));
    }

    [Fact]
    public void Seconds_AreTheSameForASeed() =>
        Assert.Equal(ArrivalProcess.Seconds(Plan(ArrivalKind.Gamma, 5), new Random(7)).Take(100),
            ArrivalProcess.Seconds(Plan(ArrivalKind.Gamma, 5), new Random(7)).Take(100));

    [Fact]
    public void Seconds_FollowARamp()
    {
        // Two seconds at 100, then from 100 to 300 in ten seconds: 200 before, 200·10 in the ramp.
        TrafficPlan plan = Plan(ArrivalKind.Constant, 100) with { RampTo = 300, WarmUpSeconds = 2, Seconds = 10 };

        double[] times = [.. ArrivalProcess.Seconds(plan, new Random(1)).TakeWhile(t => t < 14)];

        Assert.Equal(200, times.Count(t => t <= 2.0001));
        Assert.Equal(750, times.Count(t => t is > 2.0001 and <= 7.0001)); // 100·5 + 20·25/2
        Assert.Equal(1250, times.Count(t => t is > 7.0001 and <= 12.0001));
        Assert.InRange(times.Count(t => t > 12.0001), 598, 600); // 300 a second from there on
    }

    internal static TrafficPlan Plan(ArrivalKind kind, double rate) => new()
    {
        Arrivals = kind,
        Rate = rate,
        WarmUpSeconds = 0,
        Seconds = kind == ArrivalKind.Closed ? 30 : 1, // closed loops end by number
        PromptLengths = LengthDistribution.Parse("8")!, // right as written
        OutputLengths = LengthDistribution.Parse("4")!,
        RequestTimeoutSeconds = 5,
        StallTimeoutSeconds = 5,
        Seed = 1,
    };
}
