using QuantBench.Analysis.Compare;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Analysis.Tests.Compare;

/// <summary>No verdict says more than is known: there are four words for what isn't shown to differ.</summary>
public sealed class FigureComparerTests
{
    private const string Protocol = "kl-v1;n_ctx=512;chunks=8;text=1;tokenizer=2;reference=gguf:F32";

    [Theory]
    [InlineData("artifact_size", 100, 100, null, Verdict.Equal, "equal")] // counted
    [InlineData("artifact_size", 100, 99, null, Verdict.Better, "better")]
    [InlineData("kl_mean", 0.01, 0.01, 0.001, Verdict.Equal, "equal")] // the same numbers gave it
    [InlineData("kl_p99", 0.1, 0.019, null, Verdict.NoErrorKnown, "no error known")] // −81 %, and nobody knows how sure that is
    [InlineData("kl_mean", 0.0100, 0.0101, 0.001, Verdict.NotToldApart, "not told apart")]
    [InlineData("kl_mean", 0.0100, 0.0200, 0.001, Verdict.Worse, "worse")]
    [InlineData("rss_peak", 100, 19, null, Verdict.NoErrorKnown, "no error known")] // one observation a side
    [InlineData("kl_mean", 0.01, double.PositiveInfinity, 0.001, Verdict.NotComparable, "not comparable")]
    public void Compare_SaysWhatIsKnown(string metric, double a, double b, double? error, Verdict expected, string word)
    {
        MetricComparison row = Compare(Of(metric, a, error), Of(metric, b, error));

        Assert.Equal(expected, row.Verdict);
        Assert.Equal(word, ComparisonText.Word(row.Verdict));
        Assert.NotEmpty(row.Note);
    }

    [Fact]
    public void Compare_KnowsNoError_OfAnAboutFigure()
    {
        Measurement two = MeasurementBuilder.FromSamples("tg_tps", [41, 2235]);
        Measurement many = MeasurementBuilder.FromSamples("tg_tps", [984, 985, 986]);

        Assert.Equal(Verdict.NoErrorKnown, Compare(many, two).Verdict);
        Assert.Equal(Verdict.NoErrorKnown, Compare(many, many with { Value = 500 }).Verdict); // one launch a side
    }

    [Theory]
    [InlineData("kl_mean", 0.010, 0.0103)]
    [InlineData("bits_per_byte", 1.02, 1.021)]
    [InlineData("same_top", 0.93, 0.928)]
    [InlineData("ln_ppl_ratio", 0.016, 0.0163)]
    public void Compare_PairsTheChunksOfOneText(string metric, double a, double b)
    {
        // What makes a chunk hard is the same for both variants: far more than their difference.
        var random = new Random(4);
        double[] hard = [.. Enumerable.Range(0, 24).Select(_ => (random.NextDouble() - 0.5) * a)];
        double shift = hard.Average();
        double[] Around(double mean) => [.. hard.Select((h, i) => mean + h - shift + ((i % 2 == 0 ? 1 : -1) * Math.Abs(b - a) / 10))];
        double[] one = [.. hard.Select(h => a + h - shift)], other = Around(b);
        Measurement x = Of(metric, a, a / 10) with { Samples = one }, y = Of(metric, b, b / 10) with { Samples = other };

        MetricComparison paired = Compare(x, y);
        MetricComparison alone = Compare(x with { Samples = null }, y);
        MetricComparison unlike = Compare(x, y with { Samples = [.. other.Select(s => s * 2)] }); // samples that mean something else

        Assert.True(paired.Verdict is Verdict.Worse, paired.Note);
        Assert.Equal("paired over 24 chunks of the text", paired.Note);
        Assert.InRange(paired.Difference!.Value, paired.Interval!.Value.Low, paired.Interval.Value.High);
        Assert.Equal(Verdict.NotToldApart, alone.Verdict);
        Assert.Equal(Verdict.NotToldApart, unlike.Verdict);
        Assert.Equal(Verdict.Equal, Compare(x, x with { Samples = [.. one] }).Verdict);
    }

    [Fact]
    public void Compare_FindsPairedDifferencesOfNoise_InAboutFivePerCent()
    {
        var random = new Random(11);
        int called = 0;
        const int cases = 2000;
        for (int i = 0; i < cases; i++)
        {
            double[] hard = [.. Enumerable.Range(0, 12).Select(_ => random.NextDouble())];
            double[] one = [.. hard.Select(h => 1 + h + (random.NextDouble() * 0.1))];
            double[] other = [.. hard.Select(h => 1 + h + (random.NextDouble() * 0.1))];
            Measurement a = Of("kl_mean", one.Average(), 0.2) with { Samples = one };
            Measurement b = Of("kl_mean", other.Average(), 0.2) with { Samples = other };
            if (Compare(a, b).Verdict.IsShown()) called++;
        }

        Assert.InRange(called, 0.035 * cases, 0.065 * cases);
    }

    private static Measurement Of(string metric, double value, double? error) =>
        Measurement.Of(metric, value, error, 16320) with
        {
            Protocol = MetricTable.Get(metric).Kind == MetricKind.Quality ? Protocol : null,
        };

    private static MetricComparison Compare(Measurement a, Measurement b) => FigureComparer.Compare(
        new MetricComparison
        {
            Cell = "",
            Metric = MetricTable.Get(a.Name),
            A = a,
            B = b,
            Verdict = Verdict.NotComparable,
            Note = "",
        }, []);
}
