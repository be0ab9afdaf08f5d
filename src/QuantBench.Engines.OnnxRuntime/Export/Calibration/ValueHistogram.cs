namespace QuantBench.Engines.OnnxRuntime.Export.Calibration;

/// <summary>
/// Histogram of a value over [−width, width] with its extremes. When something lies outside, the width is doubled and neighbouring bins are
/// joined, so that one pass is enough.
/// </summary>
internal sealed class ValueHistogram
{
    /// <summary>Bins; those below the middle hold negative values.</summary>
    public const int Bins = 4096;

    private const int Half = Bins / 2;

    private readonly long[] _counts = new long[Bins];
    private float _width = 1f / (1 << 20);

    /// <summary>Smallest value seen.</summary>
    public float Lowest { get; private set; }

    /// <summary>Largest value seen.</summary>
    public float Highest { get; private set; }

    /// <summary>Number of values seen.</summary>
    public long Count { get; private set; }

    /// <summary>Width of a bin.</summary>
    public float BinWidth => _width / Half;

    /// <summary>Counts per bin.</summary>
    public ReadOnlySpan<long> Counts => _counts;

    /// <summary>Counts values.</summary>
    /// <param name="values">Finite ones; others are left out.</param>
    public void Add(ReadOnlySpan<float> values)
    {
        (float lowest, float highest) = (0, 0);
        foreach (float value in values)
        {
            if (!float.IsFinite(value)) continue;
            lowest = MathF.Min(lowest, value);
            highest = MathF.Max(highest, value);
        }

        Lowest = MathF.Min(Lowest, lowest);
        Highest = MathF.Max(Highest, highest);
        while (MathF.Max(-Lowest, Highest) >= _width) Widen();
        float perBin = Half / _width;
        foreach (float value in values)
        {
            if (!float.IsFinite(value)) continue;
            _counts[Half + (int)Math.Clamp(MathF.Floor(value * perBin), -Half, Half - 1)]++;
            Count++;
        }
    }

    private void Widen()
    {
        // Outwards from the middle, each bin takes two of the old ones.
        for (int i = 0; i < Half; i++)
        {
            int positive = 2 * i, negative = -2 * i;
            _counts[Half + i] = positive + 1 < Half ? _counts[Half + positive] + _counts[Half + positive + 1] : 0;
            _counts[Half - 1 - i] = 2 - negative <= Half ? _counts[Half - 1 + negative] + _counts[Half - 2 + negative] : 0;
        }

        _width *= 2;
    }
}
