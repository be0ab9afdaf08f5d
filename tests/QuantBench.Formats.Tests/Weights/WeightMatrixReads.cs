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
                Assert.True(float.IsNaN(buffer[0]) && float.IsNaN(buffer[^1]),
                    $"rows {first}..{first + count} were written past their end");
            }
        }

        for (int row = 0; row < matrix.Rows; row++) AssertPieces(expected.AsSpan(row * matrix.Columns, matrix.Columns), matrix, row);
        Assert.ThrowsAny<ArgumentException>(() => matrix.ReadPiece(matrix.Rows, 0, new float[matrix.Columns]));
        Assert.ThrowsAny<ArgumentException>(() => matrix.ReadPiece(0, 1, new float[matrix.Columns - 1]));
        Assert.ThrowsAny<ArgumentException>(() => matrix.ReadPiece(0, 0, new float[matrix.Columns + 1]));
        Assert.ThrowsAny<ArgumentException>(() => matrix.ReadRows(0, matrix.Rows + 1, new float[(matrix.Rows + 1) * matrix.Columns]));
        Assert.ThrowsAny<ArgumentException>(() => matrix.ReadRows(-1, 1, new float[matrix.Columns]));
        Assert.ThrowsAny<ArgumentException>(() => matrix.ReadRows(0, 1, new float[matrix.Columns - 1]));
    }

    /// <summary>Every piece that starts and ends at multiples of 512 or at the row's end.</summary>
    private static void AssertPieces(ReadOnlySpan<float> expected, IWeightMatrix matrix, int row)
    {
        for (int first = 0; first < matrix.Columns; first += 512)
        {
            for (int end = first + 512; ; end += 512)
            {
                end = Math.Min(end, matrix.Columns);
                float[] buffer = new float[end - first + 2];
                Array.Fill(buffer, float.NaN);
                matrix.ReadPiece(row, first, buffer.AsSpan(1, end - first));

                Assert.Equal(expected[first..end], buffer.AsSpan(1, end - first));
                Assert.True(float.IsNaN(buffer[0]) && float.IsNaN(buffer[^1]),
                    $"columns {first}..{end} of row {row} were written past their end");
                if (end == matrix.Columns) break;
            }
        }
    }
}
