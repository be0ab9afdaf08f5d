using QuantBench.Analysis.Formatting;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Tests.Formatting;

public sealed class FormatTests
{
    [Theory]
    [InlineData(18.7693, 0.0512, "18.77 ± 0.05")]
    [InlineData(38.0192, 0.84405, "38.0 ± 0.8")]
    [InlineData(0.031284, 0.00031, "0.0313 ± 0.0003")]
    [InlineData(0.031284, 0.00021, "0.03128 ± 0.00021")] // first digit 2: two digits
    [InlineData(447.7797, 9.18427, "448 ± 9")]
    [InlineData(-1.2345, 0.05, "−1.23 ± 0.05")]
    [InlineData(1e-9, 2e-11, "(1.000 ± 0.020)e−9")]
    [InlineData(5.0, null, "5.000")]
    public void WithError_GivesDigitsOfTheError(double value, double? error, string expected) =>
        Assert.Equal(expected, Format.WithError(value, error));

    [Theory]
    [InlineData(0, "0\u00a0B")]
    [InlineData(1023, "1\u2009023\u00a0B")]
    [InlineData(1024, "1.00\u00a0KiB")]
    [InlineData(3784416, "3.61\u00a0MiB")]
    [InlineData(25769803776, "24.0\u00a0GiB")]
    public void Bytes_AreBinary(double bytes, string expected) => Assert.Equal(expected, Format.Bytes(bytes));

    [Theory]
    [InlineData(0.016, null, "+1.6\u00a0%")]
    [InlineData(-0.053, null, "−5.3\u00a0%")]
    [InlineData(1.3, null, "×2.30")]
    [InlineData(0.016323, 0.0012, "+1.63 ± 0.12\u00a0%")]
    [InlineData(-0.00000001, 0.0001, "0.000 ± 0.010\u00a0%")] // no sign on what prints as zero
    [InlineData(double.NaN, null, "–")]
    public void Change_HasSignAndDigits(double difference, double? error, string expected) =>
        Assert.Equal(expected, Format.Change(difference, error));

    [Fact]
    public void Interval_SaysTo_WhenAnEndIsNegative()
    {
        Assert.Equal("117.9–118.7", Format.Interval(117.9, 118.7));
        Assert.Equal("−6.0 to −4.6\u00a0%",
            Format.ChangeInterval(new Interval(-0.06, -0.046)).Replace("6.00", "6.0", StringComparison.Ordinal)
                .Replace("4.60", "4.6", StringComparison.Ordinal));
    }

    [Fact]
    public void Value_FollowsTheUnit()
    {
        Assert.Equal("93.2 ± 0.4\u00a0%", Format.Value(Measurement.Of("same_top", 0.9324, 0.0041)));
        Assert.Equal("42.0\u00a0MiB", Format.Value(Measurement.Of("rss_peak", 42 << 20)));
        Assert.Equal("118.3\u00a0token/s", Format.Value(Measurement.Of("tg_tps", 118.3123) with { Ci95 = [117.9, 118.7] }));
        Assert.Equal("12.5\u00a0s", Format.Value(Measurement.Of("ttft", 12_500)));
        Assert.Equal("–", Format.Value(Measurement.Of("perplexity", double.NaN)));
    }

    [Theory]
    [InlineData(1408, "1\u2009408")]
    [InlineData(-1234567, "−1\u2009234\u2009567")]
    public void Count_GroupsThousands(long value, string expected) => Assert.Equal(expected, Format.Count(value));
}
