using QuantBench.Core.Metrics;
using QuantBench.Dashboard.Matrix;

namespace QuantBench.Dashboard.Tests.Matrix;

public sealed class HeatScaleTests
{
    [Theory]
    [InlineData(Direction.Higher, 0, 8)]
    [InlineData(Direction.Lower, 8, 0)]
    public void Step_IsStrongest_ForTheBest(Direction direction, int smallest, int largest)
    {
        var scale = new HeatScale([10, 20, 30, 40, 50], direction);

        Assert.Equal((smallest, largest), (scale.Step(10), scale.Step(50)));
        Assert.Equal(4, scale.Step(30));
    }

    [Fact]
    public void Scale_IsLog_BeyondAFactorOfTen()
    {
        var scale = new HeatScale([1, 10, 100], Direction.Higher);

        Assert.True(scale.IsLog);
        Assert.Equal(4, scale.Step(10)); // the middle by ratio, not by distance
    }

    [Fact]
    public void Scale_KeepsItsTones_BesideAnOutlier()
    {
        double[] usual = [.. Enumerable.Range(0, 40).Select(i => 100 + i * 1.0)];
        var scale = new HeatScale([.. usual, 100_000], Direction.Higher);

        Assert.True(usual.Select(scale.Step).Distinct().Count() >= 6, "one figure flattens all others");
    }

    [Fact]
    public void Step_IsTheMiddle_WhenAllAreEqual() => Assert.Equal(4, new HeatScale([5, 5, double.NaN], Direction.Higher).Step(5));
}
