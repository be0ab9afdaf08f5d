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

    [Fact]
    public void RatioOfMedians_CoversTheRatioAndExcludesOne_WhenSamplesAreApart()
    {
        double[] a = [.. Enumerable.Range(0, 40).Select(i => 20 + (i % 7 * 0.1))];
        double[] b = [.. Enumerable.Range(0, 40).Select(i => 10 + (i % 5 * 0.1))];

        Interval interval = Bootstrap.RatioOfMedians(a, b);

        Assert.InRange(Descriptive.Median(a) / Descriptive.Median(b), interval.Low, interval.High);
        Assert.True(interval.Low > 1.9);
        Assert.Throws<ArgumentException>(() => Bootstrap.RatioOfMedians([1], [0]));
    }

    [Fact]
    public void PairedMean_IsTight_WhenPairsMoveTogether()
    {
        double[] a = [1, 10, 100, 1000];
        double[] b = [0, 9, 99, 999];

        Assert.Equal(new Interval(1, 1), Bootstrap.PairedMean(a, b));
    }

    [Fact]
    public void SteadyState_IsReached_WhenSamplesSettle()
    {
        double[] settling = [200, 150, 120, 110, 105, 100, 101, 99, 100, 102, 100, 101, 99, 101, 100];

        Assert.False(SteadyState.IsReached(settling.AsSpan(0, 9))); // too few
        Assert.False(SteadyState.IsReached(settling.AsSpan(0, 10))); // still falling
        Assert.True(SteadyState.IsReached(settling));
    }

    [Fact]
    public void SteadyState_IsNotReached_WhenSamplesDriftSlowly()
    {
        double[] drifting = [.. Enumerable.Range(0, 10).Select(i => 100 - (i * 0.3))]; // medians within 2 %

        Assert.False(SteadyState.IsReached(drifting));
    }

    [Fact]
    public void MannKendall_GivesTheFormulasFigure()
    {
        // 1 … 10: S = 45, variance 10 · 9 · 25 / 18 = 125, z = 44/√125.
        double[] rising = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

        Assert.Equal(2 * SpecialFunctions.NormalUpperTail(44 / Math.Sqrt(125)), SteadyState.MannKendall(rising), 1e-15);
        Assert.Equal(1, SteadyState.MannKendall([3, 3, 3]));
    }
}
