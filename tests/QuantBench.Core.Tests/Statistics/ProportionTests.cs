using QuantBench.Core.Statistics;

namespace QuantBench.Core.Tests.Statistics;

/// <summary>Goldens by Python's fractions and math: binomial sums exactly, intervals by their formulas.</summary>
public sealed class ProportionTests
{
    [Theory]
    [InlineData(0, 0, 1.0)]
    [InlineData(5, 5, 1.0)]
    [InlineData(0, 1, 1.0)]
    [InlineData(0, 6, 0.03125)]
    [InlineData(3, 12, 0.03515625)]
    [InlineData(12, 3, 0.03515625)] // both ways alike
    [InlineData(40, 70, 0.005447429511444482)]
    [InlineData(900, 1000, 0.02310884510890107)]
    public void McNemar_IsTheExactBinomialTest(long lost, long gained, double p) =>
        Assert.Equal(p, Proportion.McNemar(lost, gained), 1e-10);

    [Theory]
    [InlineData(0, 20, 0, 0.1611251581)]
    [InlineData(13, 50, 0.1587152749, 0.3955315726)]
    [InlineData(50, 50, 0.9286524009, 1)]
    public void Wilson_GivesGolden(double count, double all, double low, double high)
    {
        Interval found = Proportion.Wilson(count, all)!.Value;

        Assert.Equal((low, high), (Math.Round(found.Low, 10), Math.Round(found.High, 10)));
    }

    [Fact]
    public void Wilson_IsNothingOfNothing() => Assert.Null(Proportion.Wilson(0, 0));

    [Fact]
    public void PairedRatio_GivesGolden()
    {
        Interval found = Proportion.PairedRatio(both: 60, lost: 12, gained: 5)!.Value;

        Assert.Equal((0.8021930642, 1.0159745234), (Math.Round(found.Low, 10), Math.Round(found.High, 10)));
        Assert.Null(Proportion.PairedRatio(0, 0, 3));
        Assert.Null(Proportion.PairedRatio(0, 3, 0));
    }

    /// <summary>The interval holds the true ratio about as often as it says, where pairs are drawn.</summary>
    [Fact]
    public void PairedRatio_CoversTheTruth()
    {
        var random = new Random(3);
        int held = 0;
        const int Rounds = 2000;
        for (int round = 0; round < Rounds; round++)
        {
            int both = 0, lost = 0, gained = 0;
            for (int i = 0; i < 200; i++)
            {
                double u = random.NextDouble();
                if (u < 0.5) both++;
                else if (u < 0.62) lost++;
                else if (u < 0.68) gained++;
            }

            Interval ends = Proportion.PairedRatio(both, lost, gained)!.Value;
            if (ends.Low <= 0.56 / 0.62 && 0.56 / 0.62 <= ends.High) held++;
        }

        Assert.InRange((double)held / Rounds, 0.93, 0.97);
    }
}
