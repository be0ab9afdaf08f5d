using FsCheck.Xunit;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Inference.Tests.Evaluators;

public class LogitMathTests
{
    private static float[] Row(int seed, int length, double scale)
    {
        var random = new Random(seed);
        float[] row = new float[length];
        for (int i = 0; i < length; i++) row[i] = (float)((random.NextDouble() - 0.5) * 2 * scale);
        return row;
    }

    [Theory]
    [InlineData(1, 1, 10)]
    [InlineData(2, 7, 10)] // below one vector
    [InlineData(3, 8, 10)]
    [InlineData(4, 33, 100)] // differences beyond −86
    [InlineData(5, 4096, 10)]
    [InlineData(6, 32003, 20)] // vectors and a tail
    [InlineData(7, 151936, 8)]
    public void Partition_AgreesWithScalar_WithinDerivedBound(int seed, int length, double scale)
    {
        float[] row = Row(seed, length, scale);

        LogPartition fast = LogitMath.Partition(row);
        LogPartition slow = LogitMath.PartitionScalar(row);

        // Each term errs by the exponential's bound plus |d|·2⁻²⁴ from the float subtraction d = x − max; clamped terms by exp(−86).
        double bound = 0;
        foreach (float x in row)
        {
            double d = (double)x - slow.Max;
            bound += Math.Exp(d) * (LogitMath.ExpRelativeError + Math.Abs(d) * Math.Pow(2, -24)) + Math.Exp(-86);
        }

        Assert.Equal(slow.Max, fast.Max);
        Assert.InRange(fast.SumExp - slow.SumExp, -bound, bound);
    }

    [Theory]
    [InlineData(1, 37, 5)]
    [InlineData(2, 4099, 5)]
    [InlineData(3, 32000, 12)]
    public void Diverge_AgreesWithScalar_WithinDerivedBound(int seed, int length, double scale)
    {
        float[] x = Row(seed, length, scale);
        float[] noise = Row(seed + 100, length, 0.05);
        float[] y = [.. x.Select((v, i) => v + noise[i] + 3)];

        RowDivergence fast = LogitMath.Diverge(x, y);
        RowDivergence slow = LogitMath.DivergeScalar(x, y);

        // Weights err by at most e each, in the two normalisers (2e) and in the mean of x − y, where only its spread (≤ 0.1) counts.
        double e = LogitMath.ExpRelativeError + 2 * scale * Math.Pow(2, -24);
        Assert.InRange(fast.Kl - slow.Kl, -e * 2.2, e * 2.2);
        Assert.True(slow.Kl > 0);
    }

    [Fact]
    public void Diverge_IsExactlyZero_WhenRowsAreEqual()
    {
        float[] row = Row(9, 5003, 12);

        Assert.Equal(0, LogitMath.Diverge(row, row).Kl);
    }

    [Property]
    public void Diverge_IsNotNegativeBeyondRounding_WhateverTheRows(int seed, byte length)
    {
        float[] x = Row(seed, length + 2, 8);
        float[] y = Row(unchecked(seed + 1), length + 2, 8);

        Assert.True(LogitMath.DivergeScalar(x, y).Kl >= -1e-12);
        Assert.True(LogitMath.Diverge(x, y).Kl >= -4e-6); // 2.2·(4e-7 + 16·2⁻²⁴)
    }

    [Property]
    public void Diverge_DoesntChange_WhenARowIsShifted(int seed, byte length, sbyte shift)
    {
        // Eighths below 2⁵ keep every float exact, so a shift by a whole number changes no difference.
        float[] x = [.. Row(seed, length + 1, 16).Select(v => MathF.Round(v * 8) / 8)];
        float[] y = [.. Row(unchecked(seed + 7), length + 1, 16).Select(v => MathF.Round(v * 8) / 8)];
        float[] shifted = [.. y.Select(v => v + shift)];

        Assert.Equal(LogitMath.Diverge(x, y).Kl, LogitMath.Diverge(x, shifted).Kl, 1e-12);
    }

    [Theory]
    [InlineData(float.NaN, 3)]
    [InlineData(float.PositiveInfinity, 3)]
    [InlineData(float.NegativeInfinity, 3)]
    [InlineData(float.NaN, 40)] // in the tail
    [InlineData(float.NegativeInfinity, 40)]
    public void FiniteMax_IsNaN_WhenAValueIsNotFinite(float value, int at)
    {
        float[] row = Row(1, 41, 3);
        row[at] = value;

        Assert.True(float.IsNaN(LogitMath.FiniteMax(row)));
        Assert.False(LogitMath.Partition(row).IsFinite);
    }

    [Fact]
    public void ArgMax_IsTheFirst_WhenValuesTie()
    {
        float[] row = new float[40];
        row[11] = row[30] = 2;

        Assert.Equal(11, LogitMath.ArgMax(row, LogitMath.FiniteMax(row)));
    }
}
