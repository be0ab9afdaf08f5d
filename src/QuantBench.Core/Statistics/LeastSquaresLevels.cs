namespace QuantBench.Core.Statistics;

/// <summary>Partitions of a series into levels, each with the least sum of squares around its means; a number of changes at a
/// time.</summary>
internal sealed class LeastSquaresLevels
{
    private readonly double[] _sums;
    private readonly double[] _squares;
    private readonly List<double[]> _least = []; // by changes, then by end: squares of the values before the end
    private readonly List<int[]> _from = []; // where the last of those levels begins

    /// <param name="values">The series, all finite.</param>
    public LeastSquaresLevels(ReadOnlySpan<double> values)
    {
        // Around the mean: sums of squares of large values would lose the digits that differ.
        double mean = Descriptive.Mean(values);
        _sums = new double[values.Length + 1];
        _squares = new double[values.Length + 1];
        for (int i = 0; i < values.Length; i++)
        {
            double v = values[i] - mean;
            (_sums[i + 1], _squares[i + 1]) = (_sums[i] + v, _squares[i] + (v * v));
        }
    }

    private int Length => _sums.Length - 1;

    /// <summary>Least sum of squares with a number of changes.</summary>
    public double Squares(int changes)
    {
        while (_least.Count <= changes) Add();
        return _least[changes][Length];
    }

    /// <summary>First index of each level but the first, in order.</summary>
    public IEnumerable<int> Cuts(int changes)
    {
        var cuts = new Stack<int>();
        for (int end = Length; changes > 0; changes--) cuts.Push(end = _from[changes][end]);
        return cuts;
    }

    private void Add()
    {
        int changes = _least.Count;
        double[] least = new double[Length + 1];
        int[] from = new int[Length + 1];
        for (int end = 1; end <= Length; end++)
        {
            least[end] = double.PositiveInfinity;
            if (changes == 0)
            {
                least[end] = Around(0, end);
                continue;
            }

            double[] before = _least[changes - 1];
            for (int start = changes; start < end; start++)
            {
                double squares = before[start] + Around(start, end);
                if (squares < least[end]) (least[end], from[end]) = (squares, start);
            }
        }

        _least.Add(least);
        _from.Add(from);
    }

    // What rounding leaves of a constant level isn't noise.
    private double Around(int start, int end)
    {
        double sum = _sums[end] - _sums[start];
        double squares = _squares[end] - _squares[start];
        double around = squares - (sum * sum / (end - start));
        return around > 1e-12 * _squares[^1] ? around : 0;
    }
}
