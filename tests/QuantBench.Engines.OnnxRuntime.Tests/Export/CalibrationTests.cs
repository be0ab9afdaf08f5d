using QuantBench.Engines.OnnxRuntime.Export;
using QuantBench.Engines.OnnxRuntime.Export.Calibration;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

public sealed class CalibrationTests
{
    [Fact]
    public void Add_KeepsCounts_WhenTheRangeGrows()
    {
        var histogram = new ValueHistogram();
        float[] values = [-0.001f, 0.5f, 0.5f, -3f, 100f, float.NaN, 0];
        foreach (float value in values) histogram.Add([value]); // each wider than the one before

        Assert.Equal(6, histogram.Count);
        Assert.Equal(6, histogram.Counts.ToArray().Sum());
        Assert.Equal((-3f, 100f), (histogram.Lowest, histogram.Highest));
        foreach (float value in values.Where(float.IsFinite))
        {
            int bin = (ValueHistogram.Bins / 2) + (int)MathF.Floor(value / histogram.BinWidth);
            Assert.True(histogram.Counts[bin] > 0, $"{value} isn't in bin {bin}");
        }
    }

    [Fact]
    public void Choose_TakesExtremes_ForMinMax()
    {
        ActivationRange range = RangeChoice.Choose(CalibrationMethod.MinMax, Of(-1, 3, 2));

        Assert.Equal((-1f, 3f), (range.Lowest, range.Highest));
        Assert.Equal(4f / 255, range.Scale);
        Assert.Equal(64, range.ZeroPoint);
    }

    [Fact]
    public void Choose_KeepsZero_WhenAllValuesArePositive() =>
        Assert.Equal(0, RangeChoice.Choose(CalibrationMethod.MinMax, Of(1, 3)).Lowest);

    [Fact]
    public void Choose_CutsRareExtremes_ForPercentileAndEntropy()
    {
        var random = new Random(1);
        var histogram = new ValueHistogram();
        float[] values = [
            .. Enumerable.Range(0, 400_000)
                .Select(_ => (float)((random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 2))];
        histogram.Add(values);
        histogram.Add([300]); // one in 400,000 is fewer than the 1 in 200,000 cut at each end

        ActivationRange percentile = RangeChoice.Choose(CalibrationMethod.Percentile, histogram);
        ActivationRange entropy = RangeChoice.Choose(CalibrationMethod.Entropy, histogram);

        Assert.InRange(percentile.Highest, 2.9f, 3.3f);
        Assert.InRange(percentile.Lowest, -3.01f, -2.9f);
        Assert.InRange(entropy.Highest, 3f, 60f); // 128 levels take 128 bins at least, and the outlier made bins 0.25 wide
    }

    [Theory]
    [InlineData(CalibrationMethod.MinMax)]
    [InlineData(CalibrationMethod.Percentile)]
    [InlineData(CalibrationMethod.Entropy)]
    public void Choose_GivesAUsableRange_WhenNothingWasSeen(object method)
    {
        ActivationRange range = RangeChoice.Choose((CalibrationMethod)method, new ValueHistogram());

        Assert.Equal((1f, 0), (range.Scale, range.ZeroPoint));
    }

    private static ValueHistogram Of(params float[] values)
    {
        var histogram = new ValueHistogram();
        histogram.Add(values);

        // Add starts from 0, which every range contains.
        return histogram;
    }
}
