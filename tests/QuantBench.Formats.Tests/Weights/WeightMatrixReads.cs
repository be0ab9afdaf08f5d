using QuantBench.Formats.Weights;

namespace QuantBench.Formats.Tests.Weights;

/// <summary>Reads a matrix in every way it can be read, and compares.</summary>
internal static class WeightMatrixReads
{
    /// <summary>Whole, row by row, and in runs that start and end anywhere, into the middle of a marked buffer.</summary>
    public static void AssertRows(float[] expected, IWeightMatrix matrix)
    {
        Assert.Equal(expected.Length, matrix.Rows * matrix.Columns);
        for (int first = 0; first <= matrix.Rows; first++)
        {
            for (int count = 0; count <= matrix.Rows - first; count++)
            {
                float[] buffer = new float[count * matrix.Columns + 2];
                Array.Fill(buffer, float.NaN);
                matrix.ReadRows(first, count, buffer.AsSpan(1, count * matrix.Columns));

                Assert.Equal(expected.AsSpan(first * matrix.Columns, count * matrix.Columns), buffer.AsSpan(1, count * matrix.Columns));
                Assert.True(float.IsNaN(buffer[0]) && float.IsNaN(buffer[^1]), $"rows {first}..{first + count} were written past their end");
            }
        }

        Assert.ThrowsAny<ArgumentException>(() => matrix.ReadRows(0, matrix.Rows + 1, new float[(matrix.Rows + 1) * matrix.Columns]));
        Assert.ThrowsAny<ArgumentException>(() => matrix.ReadRows(-1, 1, new float[matrix.Columns]));
        Assert.ThrowsAny<ArgumentException>(() => matrix.ReadRows(0, 1, new float[matrix.Columns - 1]));
    }
}
