namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

/// <summary>Compares rows of numbers.</summary>
internal static class Rows
{
    /// <summary>Largest difference of a row over the row's largest magnitude, over all rows.</summary>
    public static double MaxRelative(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, int columns)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.Equal(0, expected.Length % columns);
        double worst = 0;
        for (int start = 0; start < expected.Length; start += columns)
        {
            double most = 0, difference = 0;
            for (int i = start; i < start + columns; i++)
            {
                most = Math.Max(most, Math.Abs(expected[i]));
                difference = Math.Max(difference, Math.Abs((double)expected[i] - actual[i]));
                Assert.False(float.IsNaN(actual[i]));
            }

            worst = Math.Max(worst, difference / most);
        }

        return worst;
    }

    /// <summary>Root of the mean squared difference over that of the expected values.</summary>
    public static double RootMeanSquare(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double sum = 0, difference = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            sum += expected[i] * expected[i];
            difference += (expected[i] - actual[i]) * (expected[i] - actual[i]);
        }

        return Math.Sqrt(difference / sum);
    }
}
