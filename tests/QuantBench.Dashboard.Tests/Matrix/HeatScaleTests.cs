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
    public void Step_IsTheMiddle_WhenAllAreEqual() => Assert.Equal(4, new HeatScale([5, 5, double.NaN], Direction.Higher).Step(5));
}
