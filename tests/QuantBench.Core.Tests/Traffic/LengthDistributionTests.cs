using QuantBench.Core.Traffic;

namespace QuantBench.Core.Tests.Traffic;

public sealed class LengthDistributionTests
{
    [Theory]
    [InlineData("128", 128, 0)]
    [InlineData("uniform 64 256", 160, 55.7)] // standard deviation: width of 193 values over the root of 12
    [InlineData("normal 512 100", 512, 100)]
    [InlineData("lognormal 500 0.5", 566.6, 302)] // mean: median·exp(s²/2)
    [InlineData("choice 100 300", 200, 100)]
    public void Next_HasTheDistributionsMoments(string text, double mean, double deviation)
    {
        LengthDistribution lengths = LengthDistribution.Parse(text)!;
        var random = new Random(1);

        double[] drawn = [.. Enumerable.Range(0, 20_000).Select(_ => (double)lengths.Next(random))];

        double average = drawn.Average();
        Assert.InRange(average, mean * 0.98, mean * 1.02);
        Assert.InRange(Math.Sqrt(drawn.Average(d => (d - average) * (d - average))), deviation * 0.96, deviation * 1.04);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")] // nothing to send
    [InlineData("-5")]
    [InlineData("1.5")]
    [InlineData("uniform 10")]
    [InlineData("uniform 20 10")]
    [InlineData("normal 512")]
    [InlineData("normal 512 NaN")]
    [InlineData("2000000")] // longer than any context
    [InlineData("zipf 1 2")]
    public void Parse_GivesNull_WhenItIsNoDistribution(string text) => Assert.Null(LengthDistribution.Parse(text));
}
