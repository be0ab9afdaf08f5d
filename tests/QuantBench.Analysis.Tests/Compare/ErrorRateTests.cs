using System.Globalization;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using Xunit.Abstractions;

namespace QuantBench.Analysis.Tests.Compare;

/// <summary>How often 'better' or 'worse' is said of two backends, with the seed fixed: of identical ones it must be 5 % ± 1.</summary>
public sealed class ErrorRateTests(ITestOutputHelper output)
{
    private const int Pairs = 6000; // a rate of 5 % is known to ± 0.28 %

    [Theory]
    [InlineData("normal", 20, true)]
    [InlineData("normal", 30, true)]
    [InlineData("skewed", 20, true)]
    [InlineData("spikes", 30, true)]
    [InlineData("normal", 10, false)]
    [InlineData("normal", 30, false)]
    [InlineData("skewed", 30, false)]
    public void Verdict_IsWrongInFivePercent_OfIdenticalNoisyBackends(string noise, int n, bool samples)
    {
        double rate = Rate(noise, n, 1, samples);

        output.WriteLine(
            $"{noise}, n = {n}, {(samples ? "samples" : "aggregates")}: {rate.ToString("P2", CultureInfo.InvariantCulture)} "
                + "better or worse");
        Assert.InRange(rate, 0.04, 0.06);
    }

    [Fact]
    public void Verdict_IsCareful_WhenAClockOfCoarseTicksMakesTies()
    {
        // The interval's ends are whole ticks then, and one at 0 exactly shows nothing: fewer false calls than 5 %, never more.
        double rate = Rate("ticks", 40, 1, samples: true);

        output.WriteLine($"ticks of 1 %, n = 40: {rate.ToString("P2", CultureInfo.InvariantCulture)} "
                + "better or worse");
        Assert.InRange(rate, 0, 0.06);
    }

    [Theory]
    [InlineData(10, 0.02, 0.80)]
    [InlineData(20, 0.02, 0.98)]
    [InlineData(30, 0.03, 0.90)]
    public void Verdict_FindsThreePercent(int n, double deviation, double least)
    {
        double power = Rate("normal", n, 1.03, samples: true, deviation);

        output.WriteLine(
            $"3 % true difference, noise {deviation.ToString("P0", CultureInfo.InvariantCulture)}, n = {n}: found in "
                + $"{power.ToString("P1", CultureInfo.InvariantCulture)}");
        Assert.InRange(power, least, 1);
    }

    private static double Rate(string noise, int n, double ratio, bool samples, double deviation = 0.02)
    {
        var random = new Random(20261124);
        int called = 0;
        for (int i = 0; i < Pairs; i++)
        {
            MetricComparison row = FigureComparer.Compare(
                new MetricComparison
                {
                    Cell = "",
                    Metric = MetricTable.Get("tg_tps"),
                    A = Make(1),
                    B = Make(ratio),
                    Verdict = Verdict.NotComparable,
                    Note = ""
                }, []);
            if (row.Verdict is Verdict.Better or Verdict.Worse) called++;
        }

        return (double)called / Pairs;

        Measurement Make(double scale)
        {
            double[] values = [.. Enumerable.Range(0, n).Select(_ => 100 * scale * One())];
            return Measurement.Of("tg_tps", Descriptive.Median(values), n: n) with
            {
                Mean = Descriptive.Mean(values),
                StandardDeviation = Descriptive.StandardDeviation(values),
                Samples = samples ? values : null,
            };
        }

        double One() => noise switch
        {
            "normal" => 1 + (deviation * Normal()),
            "skewed" => Math.Exp(5 * deviation * Normal()),
            // now and then something else takes the machine
            "spikes" => (1 + (deviation * Normal())) * (random.NextDouble() < 0.05 ? 0.5 : 1),
            _ => Math.Round(1 + (deviation * Normal()), 2), // a clock of coarse ticks
        };

        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
