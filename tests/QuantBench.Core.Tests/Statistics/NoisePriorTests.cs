using QuantBench.Core.Statistics;

namespace QuantBench.Core.Tests.Statistics;

public sealed class NoisePriorTests
{
    [Theory]
    [InlineData(1, -0.57721566490153286, 1.6449340668482264)] // −γ, π²/6
    [InlineData(0.5, -1.9635100260214235, 4.9348022005446793)] // −γ − 2 ln 2, π²/2
    [InlineData(2, 0.42278433509846714, 0.64493406684822644)]
    [InlineData(10, 2.2517525890667211, 0.10516633568168575)] // 1 + 1/2 + … + 1/9 − γ
    public void Gammas_HaveTheirKnownValues(double x, double digamma, double trigamma)
    {
        Assert.Equal(digamma, SpecialFunctions.Digamma(x), 1e-11);
        Assert.Equal(trigamma, SpecialFunctions.Trigamma(x), 1e-11);
    }

    [Theory]
    [InlineData(4, 4, 0.5)]
    [InlineData(8, 8, 1)]
    [InlineData(1e6, 16, 0)] // all alike: worth the most that is ever given
    public void Of_FindsTheDistribution_ThatVariancesCameFrom(double degrees, double expected, double slack)
    {
        var random = new Random(5);
        const double centre = 0.0004;
        (double, int)[] figures =
        [
            .. Enumerable.Range(0, 20_000).Select(_ =>
                (centre * (degrees > 1e5 ? 1 : degrees / ChiSquare(random, (int)degrees)) * ChiSquare(random, 4) / 4, 4)),
        ];

        NoisePrior prior = NoisePrior.Of(figures)!.Value;

        Assert.InRange(prior.Degrees, expected - slack, expected + slack);
        Assert.InRange(prior.Variance, centre * 0.93, centre * 1.07);
    }

    [Fact]
    public void Of_SaysNothing_FromFewFigures() =>
        Assert.Null(NoisePrior.Of([(1, 4), (1, 4), (1, 4), (1, 4), (0, 4), (double.NaN, 4)]));

    [Fact]
    public void Weigh_TakesBothByTheirDegrees() => Assert.Equal((2.5, 12), new NoisePrior(2, 8).Weigh(3.5, 4));

    private static double ChiSquare(Random random, int degrees)
    {
        double sum = 0;
        for (int i = 0; i < degrees; i++)
        {
            double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            sum += normal * normal;
        }

        return sum;
    }
}
