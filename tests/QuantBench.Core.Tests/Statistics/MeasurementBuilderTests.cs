using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Core.Tests.Statistics;

public sealed class MeasurementBuilderTests
{
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void FromSamples_GivesNoIntervalAndNoMedian_OfTooFew(int n, bool about)
    {
        Measurement m = MeasurementBuilder.FromSamples("tg_tps", [.. Enumerable.Range(1, n).Select(i => (double)i)]);

        Assert.Equal(about ? FigureMark.About : null, m.Mark);
        Assert.Equal(about, m.Ci95 is null);
        Assert.Equal(about, m.Median is null);
        Assert.Equal(about, m.Notes is not null);
    }

    [Fact]
    public void FromRepetitions_LeavesDisturbedSamplesOut_AndKeepsThem()
    {
        Measurement m = MeasurementBuilder.FromRepetitions("tg_tps", [10, 1, 10, 10, 2], [1, 4]);

        Assert.Equal((10.0, 3L, null), (m.Value, m.N, m.Mark));
        Assert.Equal(5, m.Samples!.Length);
        Assert.Equal([1, 4], m.Timing!.DisturbedSamples!);
        Assert.Equal([10.0], m.Timing.LaunchValues);
    }

    [Theory]
    [InlineData(2, true)] // fewer than three clean ones
    [InlineData(3, false)]
    public void FromRepetitions_IsDisturbed_WhenTooFewAreClean(int clean, bool disturbed)
    {
        double[] samples = [.. Enumerable.Repeat(10.0, clean), .. Enumerable.Repeat(5.0, 6)];

        Measurement m = MeasurementBuilder.FromRepetitions("tg_tps", samples, [.. Enumerable.Range(clean, 6)]);

        Assert.Equal(disturbed, m.IsDisturbed);
        Assert.Equal(disturbed ? 5 : 10, m.Value);
    }

    [Fact]
    public void FromRepetitions_IsDisturbed_WhenLessThanAQuarterIsClean()
    {
        Measurement m = MeasurementBuilder.FromRepetitions("tg_tps", [.. Enumerable.Repeat(10.0, 20)], [.. Enumerable.Range(4, 16)]);

        Assert.True(m.IsDisturbed);
    }

    [Fact]
    public void Merge_TakesItsInterval_FromTheLaunches()
    {
        Measurement[] launches = [.. ((double[])[100, 104, 96]).Select(level =>
            MeasurementBuilder.FromRepetitions("tg_tps", [level, level + 0.1, level - 0.1, level / 2], [3], "a mark"))];

        Measurement m = MeasurementBuilder.Merge(launches);

        Assert.Equal((3, 9L), (m.Launches, m.N));
        Assert.Equal([4, 4, 4], m.Timing!.LaunchSamples);
        Assert.Equal([3, 7, 11], m.Timing.DisturbedSamples!);
        Assert.Equal([100, 104, 96], m.Timing.LaunchValues);
        // Each launch alone would say ±0.1; between them it is ±4.303 · 0.0400 / √3.
        Assert.Equal(-0.0994, Math.Log(m.Ci95![0] / 99.947), 1e-3);
        Assert.Equal(0.0994, Math.Log(m.Ci95[1] / 99.947), 1e-3);
        Assert.Equal(
            ["a mark", "3 of 12 repetitions were disturbed by other work on the machine and don't count"], m.Notes!.Value.ToArray());
    }

    [Fact]
    public void Merge_KeepsAMark_ThatSamplesDoNotTell()
    {
        Measurement stalled = MeasurementBuilder.AsDisturbed(MeasurementBuilder.FromSamples("tg_tps", [1, 1, 1]), "stalls");

        Assert.True(MeasurementBuilder.Merge([MeasurementBuilder.FromSamples("tg_tps", [1, 1, 1]), stalled]).IsDisturbed);
    }
}
