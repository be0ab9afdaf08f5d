namespace QuantBench.Engines.OnnxRuntime.Export.Calibration;

/// <summary>Chooses the range that bytes are spread over from a histogram.</summary>
internal static class RangeChoice
{
    private const double PercentileKept = 0.99999;
    private const int Levels = 128;

    /// <summary>The range a method chooses; never wider than what was seen.</summary>
    public static ActivationRange Choose(CalibrationMethod method, ValueHistogram histogram) => method switch
    {
        CalibrationMethod.Percentile => Percentile(histogram),
        CalibrationMethod.Entropy => Entropy(histogram),
        _ => ActivationRange.Of(histogram.Lowest, histogram.Highest),
    };

    /// <summary>Cuts the same share of values from each end.</summary>
    private static ActivationRange Percentile(ValueHistogram histogram)
    {
        ReadOnlySpan<long> counts = histogram.Counts;
        double cut = histogram.Count * (1 - PercentileKept) / 2;
        int low = 0, high = counts.Length - 1;
        for (double seen = 0; low < counts.Length && (seen += counts[low]) <= cut;) low++;
        for (double seen = 0; high >= 0 && (seen += counts[high]) <= cut;) high--;
        int middle = counts.Length / 2;
        return Clip(histogram, (low - middle) * histogram.BinWidth, (high + 1 - middle) * histogram.BinWidth);
    }

    /// <summary>
    /// Clips magnitudes where the divergence between the clipped histogram and the same one in 128 levels is least: the search that
    /// TensorRT made known.
    /// </summary>
    private static ActivationRange Entropy(ValueHistogram histogram)
    {
        int half = histogram.Counts.Length / 2;
        double[] magnitudes = new double[half];
        for (int i = 0; i < half; i++) magnitudes[i] = histogram.Counts[half + i] + histogram.Counts[half - 1 - i];
        double best = double.PositiveInfinity;
        int bestBins = half;
        int last = Array.FindLastIndex(magnitudes, m => m > 0) + 1;
        double beyond = 0;
        for (int bins = Math.Max(last, 1); bins >= Math.Min(Levels, last); bins--)
        {
            if (bins < last) beyond += magnitudes[bins];
            double divergence = Divergence(magnitudes.AsSpan(0, bins), beyond);
            if (divergence >= best) continue;
            best = divergence;
            bestBins = bins;
        }

        return Clip(histogram, -bestBins * histogram.BinWidth, bestBins * histogram.BinWidth);
    }

    /// <summary>Divergence of a histogram in 128 levels from itself with what lies beyond put into its last bin.</summary>
    private static double Divergence(ReadOnlySpan<double> bins, double beyond)
    {
        double total = beyond, kept = 0;
        foreach (double bin in bins) kept += bin;
        total += kept;
        if (kept == 0) return double.PositiveInfinity;
        double divergence = 0;
        int levels = Math.Min(Levels, bins.Length);
        for (int level = 0; level < levels; level++)
        {
            int start = (int)((long)level * bins.Length / levels), end = (int)((long)(level + 1) * bins.Length / levels);
            double sum = 0;
            int filled = 0;
            for (int i = start; i < end; i++)
            {
                sum += bins[i];
                if (bins[i] > 0) filled++;
            }

            for (int i = start; i < end; i++)
            {
                double p = (bins[i] + (i == bins.Length - 1 ? beyond : 0)) / total;
                if (p == 0) continue;
                double q = bins[i] > 0 ? sum / filled / kept : 0;
                divergence += p * Math.Log(p / Math.Max(q, 1e-12));
            }
        }

        return divergence;
    }

    private static ActivationRange Clip(ValueHistogram histogram, float lowest, float highest) =>
        ActivationRange.Of(MathF.Max(histogram.Lowest, lowest), MathF.Min(histogram.Highest, highest));
}
