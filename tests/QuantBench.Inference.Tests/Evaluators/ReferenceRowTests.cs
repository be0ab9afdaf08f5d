using FsCheck.Xunit;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Inference.Tests.Evaluators;

/// <summary>What a reference's file keeps of a row, against the whole row in double.</summary>
public class ReferenceRowTests
{
    [Theory]
    [InlineData(4096, 3.0, 0.02)]
    [InlineData(4096, 3.0, 0.15)]
    [InlineData(4096, 3.0, 1.5)] // ruined: the sample's plain mean instead of the near one's
    [InlineData(32003, 4.0, 0.15)]
    [InlineData(128256, 4.0, 0.15)]
    [InlineData(128256, 1.0, 0.15)] // so flat that the head holds a few per cent
    public void Kl_IsThatOfWholeRows_WithinItsBound(int vocabulary, double spread, double noise)
    {
        const int rows = 60;
        double exact = 0, kept = 0, squares = 0;
        int within = 0;
        for (int seed = 0; seed < rows; seed++)
        {
            (float[] x, float[] y) = Rows(seed, vocabulary, spread, noise);
            RowScore score = Compare(x, y, (ulong)seed);
            double truth = LogitMath.DivergeScalar(x, y).Kl;
            exact += truth;
            kept += score.Kl;
            squares += score.KlError * score.KlError;
            if (Math.Abs(score.Kl - truth) <= 4 * score.KlError + 2e-6) within++;
        }

        Assert.InRange(Math.Abs(kept - exact) / rows, 0, 4 * Math.Sqrt(squares) / rows + 1e-7);
        Assert.True(within >= rows - 1, $"{rows - within} of {rows} rows are beyond four of their errors");
        // Thousands of rows make that 0.1 %.
        if (spread > 1 && vocabulary < 100_000) Assert.InRange(4 * Math.Sqrt(squares) / rows, 0, 0.01 * exact / rows);
    }

    [Fact]
    public void Row_TakesAFortiethOfLlamaPerplexitys_At128kTokens()
    {
        const int vocabulary = 128_256;
        byte[] bytes = new byte[ReferenceRow.MostBytes(vocabulary)];
        var row = new ReferenceRow(vocabulary);
        foreach (double spread in (double[])[0.01, 1, 4, 12])
        {
            row.Take(Rows(1, vocabulary, spread, 0).X, 7, 1);

            // Its base holds 16 bits per token and two floats, and the index here 12 bytes.
            Assert.InRange(row.Write(bytes) + 12, 1, (vocabulary + 4) * 2 / 40);
        }
    }

    [Theory]
    [InlineData(37)]
    [InlineData(1024)]
    [InlineData(4096)]
    public void Read_GivesWhatWasWritten(int vocabulary)
    {
        (float[] x, float[] y) = Rows(3, vocabulary, 5, 0.1);
        ReferenceRow row = Taken(x, 5), again = Read(vocabulary, Written(row));

        Assert.Equal((row.Max, row.SumExp, row.TailSum, row.Target, row.IsWhole),
            (again.Max, again.SumExp, again.TailSum, again.Target, again.IsWhole));
        Assert.Equal(row.Ids, again.Ids);
        Assert.Equal(row.Values, again.Values);
        Assert.Equal(row.SampleIds, again.SampleIds);
        Assert.Equal(row.SampleValues, again.SampleValues);
        Assert.Equal(row.Top, again.Top);
        Assert.Equal(vocabulary <= 1024, row.IsWhole);
        Assert.Equal(row.IsWhole ? 0 : ReferenceRow.Samples, row.SampleIds.Length);
        Assert.All(row.Ids.ToArray(), id => Assert.DoesNotContain(id, row.SampleIds.ToArray()));
        Assert.True(new RowComparer(vocabulary).TryCompare(again, y, 5, out RowScore one));
        Assert.True(new RowComparer(vocabulary).TryCompare(row, y, 5, out RowScore other));
        Assert.Equal(other, one);
    }

    [Fact]
    public void Equal_Rows_GiveExactlyZero()
    {
        foreach (double spread in (double[])[0, 0.01, 1, 6, 30])
        {
            float[] x = Rows(9, 5003, spread, 0).X;

            RowScore score = Compare(x, x, 4);

            Assert.Equal((0, 0, true, 1), (score.Kl, score.KlError, score.SameTop, score.SameTopFive));
            Assert.Equal(score.ReferenceNll, score.Nll);
        }
    }

    [Fact]
    public void Score_TellsConfidenceAndTheTopFive()
    {
        float[] x = new float[2000], y = new float[2000];
        (x[3], x[1999], x[500], x[501], x[7]) = (9, 8, 7, 6, 5);
        (y[3], y[1999], y[500], y[8], y[9]) = (8, 9, 7, 6, 5);

        RowScore score = Compare(x, y, 1);

        double sum = x.Sum(v => Math.Exp(v));
        Assert.Equal(Math.Exp(9) / sum, score.Confidence, 1e-6);
        Assert.False(score.SameTop);
        Assert.Equal(0.6, score.SameTopFive, 1e-12);
        Assert.Equal(Math.Log(sum) - x[5], score.ReferenceNll, 1e-6);
    }

    [Theory]
    [InlineData(900)]
    [InlineData(6000)]
    public void Others_AreThoseOfWholeRows(int vocabulary)
    {
        double reverse = 0, js = 0, exactReverse = 0, exactJs = 0;
        for (int seed = 0; seed < 40; seed++)
        {
            (float[] x, float[] y) = Rows(seed, vocabulary, 3, 0.2);
            OtherDivergences others = RowComparer.Others(Taken(x, 0, (ulong)seed), y);
            reverse += others.Reverse;
            js += others.JensenShannon;
            double lnX = Math.Log(x.Sum(v => Math.Exp(v))), lnY = Math.Log(y.Sum(v => Math.Exp(v)));
            for (int i = 0; i < vocabulary; i++)
            {
                double p = Math.Exp(x[i] - lnX), q = Math.Exp(y[i] - lnY);
                exactReverse += q * Math.Log(q / p);
                exactJs += 0.5 * (p * Math.Log(2 * p / (p + q)) + q * Math.Log(2 * q / (p + q)));
            }
        }

        Assert.Equal(exactReverse, reverse, exactReverse * 0.01);
        Assert.Equal(exactJs, js, exactJs * 0.01);
    }

    [Fact]
    public void Take_SaysWhichRowsAreNotFinite()
    {
        float[] x = Rows(1, 3000, 3, 0).X;
        x[2999] = float.NaN;
        ReferenceRow row = Read(3000, Written(Taken(x, 0)));

        Assert.False(row.IsFinite);
        Assert.False(new RowComparer(3000).TryCompare(Taken(Rows(1, 3000, 3, 0).X, 0), x, 0, out _));
    }

    [Property]
    public void Read_RefusesOrReads_WhateverTheBytes(int at, byte value, ushort cut)
    {
        byte[] bytes = Written(Taken(Rows(2, 1500, 4, 0).X, 3));
        byte[] changed = bytes[..(bytes.Length - (cut % 8 == 0 ? cut % bytes.Length : 0))];
        if (changed.Length > 0) changed[Math.Abs(at % changed.Length)] = value;

        var row = new ReferenceRow(1500);
        string? fault = row.Read(changed);

        if (fault is null && row.IsFinite) Assert.All(row.Ids.ToArray(), id => Assert.InRange(id, 0, 1499));
    }

    [Property]
    public void TopOf_IsTheSortedListsBeginning(int seed, byte length)
    {
        var random = new Random(seed);
        float[] values = [.. Enumerable.Range(0, length + 1).Select(_ => (float)random.Next(12))]; // many are equal
        int[] top = new int[5];

        LogitMath.TopOf(values, top);

        int[] expected = [.. Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).ThenBy(i => i).Take(5)];
        Assert.Equal([.. expected, .. Enumerable.Repeat(-1, 5 - expected.Length)], top);
    }

    private static RowScore Compare(float[] x, float[] y, ulong seed)
    {
        ReferenceRow row = Read(x.Length, Written(Taken(x, 5, seed)));
        Assert.True(new RowComparer(x.Length).TryCompare(row, y, 5, out RowScore score));
        return score;
    }

    private static ReferenceRow Taken(float[] x, int target, ulong seed = 1)
    {
        var row = new ReferenceRow(x.Length);
        row.Take(x, target, seed);
        return row;
    }

    private static byte[] Written(ReferenceRow row)
    {
        byte[] bytes = new byte[ReferenceRow.MostBytes(200_000)];
        return bytes[..row.Write(bytes)];
    }

    private static ReferenceRow Read(int vocabulary, byte[] bytes)
    {
        var row = new ReferenceRow(vocabulary);
        Assert.Null(row.Read(bytes));
        return row;
    }

    // Gaussian logits, and the same with noise: what quantizing does to them.
    private static (float[] X, float[] Y) Rows(int seed, int vocabulary, double spread, double noise)
    {
        var random = new Random(seed);
        float[] x = new float[vocabulary], y = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++)
        {
            x[i] = (float)(Gauss() * spread);
            y[i] = x[i] + (float)(Gauss() * noise) + 3;
        }

        return (x, y);

        double Gauss() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
