using System.Collections.Immutable;
using QuantBench.Core.Statistics;

namespace QuantBench.Core.Tests.Statistics;

/// <summary>Every statistic against R 4.2.2 (goldens.R) or an implementation of its own (goldens.py), to 1e-9.</summary>
public sealed class GoldenValuesTests
{
    private const double Tolerance = 1e-9;

    // Hollander and Wolfe (1973), p. 69.
    private static readonly double[] s_x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
    private static readonly double[] s_y = [1.15, 0.88, 0.90, 0.74, 1.21];

    // Student's sleep data (1908).
    private static readonly double[] s_drug1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    private static readonly double[] s_drug2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

    // Benjamini and Hochberg (1995), section 3.2.
    private static readonly double[] s_p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
        0.6528, 0.7590, 1.000];

    // Annual flow of the Nile at Aswan, 1871–1970 (Cobb 1978).
    private static readonly double[] s_nile =
    [
        1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140, 1100, 1210, 1150,
        1250, 1260, 1220, 1030,
        1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845,
        864, 862, 698, 845, 744,
        796, 1040, 759, 781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838,
        1050, 918, 986, 797,
        923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
    ];

    [Fact]
    public void MannWhitney_GivesRsFigures()
    {
        MannWhitneyResult test = MannWhitney.Test(s_x, s_y);

        Assert.Equal(35, test.U);
        Assert.Equal(0.2544122544122544, test.PValue, Tolerance);
        Assert.Equal(0.4, test.Effect, Tolerance); // 2 · 35 / 50 − 1
    }

    [Fact]
    public void LaunchDifference_GivesStudentsFigures()
    {
        // Sleep data (Student 1908) by t.test(extra ~ group, var.equal = TRUE): t = −1.8608, df = 18, p = 0.07919.
        LaunchDifference result =
            LaunchDifference.Of([.. s_drug2.Select(Math.Exp)], [.. s_drug1.Select(Math.Exp)])!.Value;

        Assert.Equal(18, result.Degrees);
        Assert.Equal(-1.860813467486853, result.Difference / result.Error, 1e-9);
        Assert.Equal(0.07918671421593818, result.PValue, 1e-9);
    }

    [Fact]
    public void PairedDifference_GivesRsFigures()
    {
        PairedDifference result = PairedDifference.Of(s_drug1, s_drug2);
        double half = SpecialFunctions.StudentQuantile(0.95, 9) * result.Error;

        Assert.Equal(-4.0621276833820366, result.Mean / result.Error, 1e-9);
        Assert.Equal(0.0028328901973842702, SpecialFunctions.StudentTwoSided(4.0621276833820366, 9), Tolerance);
        Assert.Equal(-2.4598857632769823844, result.Mean - half, Tolerance);
        Assert.Equal(-0.7001142367230175356, result.Mean + half, Tolerance);
    }

    [Fact]
    public void Corrections_GiveRsFigures()
    {
        double[] benjaminiHochberg =
        [
            0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.0638571428571428623, 0.0638571428571428623, 0.0645, 0.0765, 0.486,
            0.5811818181818181328, 0.714875,
            0.7532307692307692593, 0.8132142857142856673, 1,
        ];
        double[] holm = [0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213, 1, 1, 1, 1, 1, 1];

        Assert.Equal(benjaminiHochberg, MultipleComparisons.BenjaminiHochberg(s_p), (a, b) => Math.Abs(a - b) < Tolerance);
        Assert.Equal(holm, MultipleComparisons.Holm(s_p), (a, b) => Math.Abs(a - b) < Tolerance);
    }

    [Fact]
    public void ChangePoints_FindTheNilesFall()
    {
        ImmutableArray<ChangePoint> found = ChangePoints.Find(s_nile);

        ChangePoint change = Assert.Single(found);
        Assert.Equal(28, change.Index); // 1899 is the first year on the new level
        Assert.Equal(1097.75, change.Before, Tolerance);
        Assert.Equal(849.97222222222222, change.After, Tolerance);
        Assert.Equal(7.364651886714222e-12, change.PValue, 1e-20);
        Assert.Equal(-304.20651009835746, change.Interval.Low, Tolerance);
        Assert.Equal(-191.34904545719823, change.Interval.High, Tolerance);
    }

    [Fact]
    public void ChangePoints_FindEachLevel_AndNothingInAShortOrSteadySeries()
    {
        double[] steps = [1, 1.1, 0.9, 1, 1.05, 5, 5.1, 4.9, 5, 5.05, 3, 3.1, 2.9, 3, 2.95];

        Assert.Equal([5, 10], ChangePoints.Find(steps).Select(c => c.Index));
        Assert.Empty(ChangePoints.Find([1, 2, 100]));
        Assert.Empty(ChangePoints.Find([7, 7, 7, 7, 7, 7]));
    }

    [Fact]
    public void ChangePoints_AreNotSeen_WhenTheValuesOwnErrorsAreLarger()
    {
        double[] steps = [1, 1.1, 0.9, 1, 1.05, 2, 2.1, 1.9, 2, 2.05];

        Assert.Single(ChangePoints.Find(steps));
        Assert.Empty(ChangePoints.Find(steps, errors: [.. steps.Select(_ => 1.0)]));
    }

    [Fact]
    public void Bootstrap_GivesTheFiguresOfAnotherImplementation()
    {
        Interval median = Bootstrap.Median(s_x);

        Assert.Equal(0.83, median.Low, Tolerance);
        Assert.Equal(1.675, median.High, Tolerance);
    }
}
