namespace QuantBench.Core.Statistics;

/// <summary>Ranks with ties shared.</summary>
internal static class Ranks
{
    /// <summary>Midranks (1-based; equal values share their mean rank) and Σ(t³ − t) over groups of t equal values.</summary>
    public static (double[] Ranks, double TieTerm) Of(ReadOnlySpan<double> values)
    {
        double[] sorted = values.ToArray();
        int[] order = [.. Enumerable.Range(0, sorted.Length)];
        Array.Sort(sorted, order);
        double[] ranks = new double[sorted.Length];
        double ties = 0;
        for (int start = 0; start < sorted.Length;)
        {
            int end = start + 1;
            while (end < sorted.Length && sorted[end].Equals(sorted[start])) end++;
            // Ranks start+1 … end have this mean.
            for (int i = start; i < end; i++) ranks[order[i]] = (start + 1 + end) / 2.0;
            double t = end - start;
            ties += (t * t * t) - t;
            start = end;
        }

        return (ranks, ties);
    }
}
