using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Core.Tests.Statistics;

public sealed class IntervalMarkTests
{
    [Fact]
    public void Of_GivesTheIntervalBesideTheFigure_NotAnotherOne()
    {
        Measurement figure = Measurement.Of("tg_tps", 984) with { Ci95 = [41, 2235] };

        Assert.Equal("interval −95.8 to +127.1 % of the figure, wider than target ±2 %", IntervalMark.Of(figure, 0.02));
        Assert.Null(IntervalMark.Of(figure, 1.2)); // half of 2194 is 1.11 times 984
        Assert.Null(IntervalMark.Of(figure with { Ci95 = null }, 0.02));
        Assert.True(IntervalMark.Is("tg_tps: " + IntervalMark.Of(figure, 0.02)));
        Assert.True(IntervalMark.Is("interval ±53.5 % wider than target ±2 %")); // as earlier builds wrote it
    }
}
