namespace QuantBench.Inference.Evaluators;

/// <summary>Milliseconds of single tokens, by repetition: whole ones, until there are enough of them.</summary>
/// <param name="most">Most tokens given back.</param>
internal sealed class TokenTimes(int most)
{
    private readonly List<(double[] Kept, int Tokens)> _repetitions = [];

    /// <summary>Adds a repetition.</summary>
    /// <param name="milliseconds">Its tokens.</param>
    public void Add(ReadOnlySpan<double> milliseconds) =>
        _repetitions.Add(([.. milliseconds[..Math.Min(most, milliseconds.Length)]], milliseconds.Length));

    /// <summary>Tokens of the repetitions that count, the first ones first.</summary>
    /// <param name="counts">Whether a repetition counts.</param>
    /// <returns>At most as many as wanted, and how many there are in all.</returns>
    public (double[] Samples, long All) Of(Func<int, bool> counts)
    {
        (double[] Kept, int Tokens)[] counted = [.. _repetitions.Where((_, i) => counts(i))];
        return ([.. counted.SelectMany(r => r.Kept).Take(most)], counted.Sum(r => (long)r.Tokens));
    }
}
