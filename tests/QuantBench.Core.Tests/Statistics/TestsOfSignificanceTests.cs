using FsCheck.Xunit;
using QuantBench.Core.Statistics;

namespace QuantBench.Core.Tests.Statistics;

public sealed class TestsOfSignificanceTests
{
    // Documentation of scipy.stats.mannwhitneyu: ages at diagnosis of men and women.
    private static readonly double[] s_men = [19, 22, 16, 29, 24];
    private static readonly double[] s_women = [20, 11, 17, 12];

    [Fact]
    public void MannWhitney_GivesPublishedFigures_WhenExact()
    {
        MannWhitneyResult result = MannWhitney.Test(s_men, s_women);

        Assert.True(result.Exact);
        Assert.Equal(17, result.U);
        Assert.Equal(0.1111111111111111, result.PValue, 1e-9);
        Assert.Equal(0.7, result.Effect, 1e-12); // 2 · 17 / 20 − 1
    }

    [Fact]
    public void MannWhitney_CorrectsForTiesAndContinuity_WhenValuesTie()
    {
        // By hand: ranks of a are 1, 2.5, 4.5 (R = 8, U = 2), ties 2 and 2: σ² = 9/12 · (7 − 12/30) = 4.95, z = (4.5 − 2 − 0.5)/√4.95.
        MannWhitneyResult result = MannWhitney.Test([1, 2, 3], [2, 3, 4]);

        Assert.False(result.Exact);
        Assert.Equal(2, result.U);
        Assert.Equal(2 * SpecialFunctions.NormalUpperTail(2 / Math.Sqrt(4.95)), result.PValue, 1e-12);
    }

    [Theory]
    [InlineData(3, 3, 0.1)] // 2 of 20 orders
    [InlineData(4, 5, 2.0 / 126)]
    [InlineData(10, 10, 2.0 / 184_756)]
    [InlineData(50, 50, 2 / 1.0089134454556415e29)] // C(100, 50)
    public void MannWhitney_CountsOrders_WhenSamplesAreApart(int n, int m, double expected)
    {
        double[] a = [.. Enumerable.Range(0, n).Select(i => (double)i)];
        double[] b = [.. Enumerable.Range(1000, m).Select(i => (double)i)];

        MannWhitneyResult result = MannWhitney.Test(a, b);

        Assert.Equal(1, result.PValue / expected, 1e-9);
        Assert.Equal(-1, result.Effect);
    }

    [Property]
    public bool MannWhitney_IsSymmetricShiftFreeAndBounded(int[] x, int[] y)
    {
        double[] a = [0, .. x.Select(v => (double)v)];
        double[] b = [1, .. y.Select(v => (double)v)];

        MannWhitneyResult ab = MannWhitney.Test(a, b);
        MannWhitneyResult ba = MannWhitney.Test(b, a);
        MannWhitneyResult shifted = MannWhitney.Test([.. a.Select(v => v + 1024)], [.. b.Select(v => v + 1024)]);

        return ab.U + ba.U == a.Length * b.Length && Math.Abs(ab.PValue - ba.PValue) < 1e-12 && Math.Abs(ab.Effect + ba.Effect) < 1e-12
            && shifted == ab && ab.PValue is > 0 and <= 1 && Math.Abs(ab.Effect) <= 1;
    }

    [Fact]
    public void PairedDifference_GivesPublishedFigures()
    {
        // Student's sleep data (1908), R's `sleep`: mean difference −1.58, sd 1.229995, t = −4.0621.
        double[] a = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        double[] b = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

        PairedDifference result = PairedDifference.Of(a, b);

        Assert.Equal(-1.58, result.Mean, 1e-12);
        Assert.Equal(-4.0621, result.Mean / result.Error, 5e-5);
        Assert.Equal(0.7951702, result.Correlation, 5e-8);
        Assert.Equal(0.002833, SpecialFunctions.StudentTwoSided(4.0621276832, 9), 5e-7);
    }

    [Fact]
    public void BenjaminiHochberg_GivesPublishedFigures()
    {
        // The paper's own example (1995, section 3.2); adjusted values as scipy.stats.false_discovery_control's documentation lists them.
        double[] p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
            1.000];
        double[] expected = [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.06385714, 0.06385714, 0.0645, 0.0765, 0.486, 0.58118182, 0.714875,
            0.75323077, 0.81321429, 1];

        Assert.Equal(expected, MultipleComparisons.BenjaminiHochberg(p), (x, y) => Math.Abs(x - y) < 1e-8);
    }

    [Property]
    public bool BenjaminiHochberg_NeverLowersAndKeepsOrder(ushort[] raw)
    {
        double[] p = [.. raw.Select(r => r / 65535.0)];
        double[] q = MultipleComparisons.BenjaminiHochberg(p);

        return p.Zip(q).All(x => x.Second >= x.First && x.Second <= 1)
            && Enumerable.Range(0, p.Length).All(i => Enumerable.Range(0, p.Length).All(j => p[i] > p[j] || q[i] <= q[j]));
    }

    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(1.959963984540054, 0.025)]
    [InlineData(5, 2.866515718791939e-7)] // Abramowitz & Stegun, table 26.2
    [InlineData(10, 7.619853024160527e-24)]
    [InlineData(-1.959963984540054, 0.975)]
    public void NormalUpperTail_GivesTabledValues(double z, double expected) =>
        Assert.Equal(1, SpecialFunctions.NormalUpperTail(z) / expected, 1e-9);

    [Theory]
    [InlineData(1, 12.706204736)]
    [InlineData(10, 2.228138852)]
    [InlineData(30, 2.042272456)]
    public void StudentQuantile_GivesTabledValues(int degrees, double expected) =>
        Assert.Equal(expected, SpecialFunctions.StudentQuantile(0.95, degrees), 1e-8);
}
