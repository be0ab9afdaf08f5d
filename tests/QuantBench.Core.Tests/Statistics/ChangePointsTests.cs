using QuantBench.Core.Statistics;

namespace QuantBench.Core.Tests.Statistics;

/// <summary>Levels of series as labs have them, with outliers, spells and bumps; noise 0.1 %, seeded.</summary>
public sealed class ChangePointsTests
{
    [Theory]
    [InlineData("outlier before the step", new[] { 20, 21, 40 })]
    [InlineData("outlier after the step", new[] { 20, 41, 42 })]
    [InlineData("outlier within the step", new[] { 39, 40 })]
    [InlineData("step", new[] { 40 })]
    [InlineData("spell before the step", new[] { 20, 26, 40 })]
    [InlineData("two steps", new[] { 15, 32 })]
    [InlineData("up and down", new[] { 15, 32 })]
    [InlineData("bump", new[] { 17, 23 })]
    [InlineData("last run", new[] { 43 })]
    [InlineData("steady", new int[0])]
    public void Find_SeesEachLevel(string series, int[] cuts)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            double[] values = Series(series, new Random(seed));

            Assert.Equal(cuts, ChangePoints.Find(values, alpha: 0.001).Select(c => c.Index));
        }
    }

    [Theory]
    [InlineData("normal")]
    [InlineData("two modes")] // runs that fall into one of two speeds are no changes of level
    [InlineData("spikes")]
    public void Find_RarelySeesAChange_InSteadyNoise(string noise)
    {
        int found = 0;
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            double[] values = [.. Enumerable.Range(0, 40).Select(_ => noise switch
            {
                "two modes" => (random.NextDouble() < 0.4 ? 8.4 : 8.0) + (0.01 * Normal(random)),
                "spikes" => random.NextDouble() < 0.1 ? 8 + (2 * random.NextDouble()) : 8 + (0.1 * Normal(random)),
                _ => 8 + (0.1 * Normal(random)),
            })];
            if (!ChangePoints.Find(values).IsEmpty) found++;
        }

        Assert.InRange(found, 0, noise == "spikes" ? 200 : 8);
    }

    private static double[] Series(string name, Random random)
    {
        double Level(int i) => name switch
        {
            "outlier before the step" => i == 20 ? 12 : i >= 40 ? 8.8 : 8,
            "outlier after the step" => i == 41 ? 12 : i >= 20 ? 8.8 : 8,
            "outlier within the step" => i == 39 ? 12 : i >= 40 ? 8.8 : 8,
            "step" => i >= 40 ? 8.8 : 8,
            "spell before the step" => i is >= 20 and < 26 ? 12 : i >= 40 ? 8.8 : 8,
            "two steps" => i >= 32 ? 8.2 : i >= 15 ? 8.1 : 8,
            "up and down" => i is >= 15 and < 32 ? 8.1 : 8,
            "bump" => i is >= 17 and < 23 ? 8.1 : 8,
            "last run" => i == 43 ? 8.8 : 8,
            _ => 8,
        };
        return [.. Enumerable.Range(0, 44).Select(i => Level(i) + (0.008 * Normal(random)))];
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
