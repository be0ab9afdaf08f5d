using FsCheck.Xunit;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Core.Tests.Statistics;

public sealed class SamplesTests
{
    [Fact]
    public void Descriptive_GivesKnownFigures()
    {
        double[] values = [2, 4, 4, 4, 5, 5, 7, 9];

        Assert.Equal(5, Descriptive.Mean(values));
        Assert.Equal(Math.Sqrt(32.0 / 7), Descriptive.StandardDeviation(values), 1e-15);
        Assert.Equal(4.5, Descriptive.Median([9, 5, 4, 2, 7, 4, 5, 4]));
        Assert.Equal(1.75, Descriptive.Quantile([1, 2, 3, 4], 0.25)); // numpy's default
        Assert.Equal(0, Descriptive.StandardDeviation([3]));
    }

    [Fact]
    public void Mean_KeepsSmallTerms_WhenALargeOneComesFirst()
    {
        double[] values = [1e16, .. Enumerable.Repeat(1.0, 1000)];

        Assert.Equal((1e16 + 1000) / 1001, Descriptive.Mean(values));
    }

    [Theory]
    [InlineData(63, false, false, false)]
    [InlineData(64, true, false, false)]
    [InlineData(130, true, true, false)]
    [InlineData(662, true, true, true)]
    public void FromSamples_ShowsPercentiles_WhenThereAreEnough(int n, bool p90, bool p95, bool p99)
    {
        Measurement m = MeasurementBuilder.FromSamples("ttft", [.. Enumerable.Range(0, n).Select(i => (double)i)]);

        Assert.Equal((p90, p95, p99), (m.P90 is not null, m.P95 is not null, m.P99 is not null));
        Assert.Equal((n - 1) / 2.0, m.Value);
        Assert.Equal((0.0, n - 1.0, (long?)n), (m.Min, m.Max, m.N));
    }

    [Property]
    public bool Median_IntervalLiesWithinTheSamples(int[] raw)
    {
        double[] values = [7, .. raw.Select(v => (double)v)];
        Interval interval = Bootstrap.Median(values, 200);

        return interval.Low >= values.Min() && interval.High <= values.Max() && interval.Low <= interval.High
            && interval == Bootstrap.Median(values, 200);
    }

    [Fact]
    public void Median_IntervalIsNearTheExactOne()
    {
        // For 1 … 100 the exact 95 % interval from order statistics is [40, 61] (Hollander & Wolfe, section 3.6).
        Interval interval = Bootstrap.Median([.. Enumerable.Range(1, 100).Select(i => (double)i)]);

        Assert.InRange(interval.Low, 39, 43);
        Assert.InRange(interval.High, 58, 62);
    }

}
