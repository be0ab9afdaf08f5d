namespace QuantBench.Formats.Blocks;

/// <summary>Encodes 256 values as groups with small integer scales and minimums under two halves: what Q2_K, Q4_K and Q5_K share.</summary>
internal static class AffineSuperblock
{
    /// <summary>Chooses scales, minimums and quants.</summary>
    /// <param name="values">[256].</param>
    /// <param name="levels">Largest quant.</param>
    /// <param name="scaleLimit">Largest integer scale and minimum.</param>
    /// <param name="scales">[groups] receives the integer scales.</param>
    /// <param name="minimums">[groups] receives the integer minimums.</param>
    /// <param name="quants">[256] receives the quants.</param>
    /// <returns>The two halves' values: <c>x ≈ d · scale · q − dmin · minimum</c>.</returns>
    public static (float D, float DMin) Fit(
        ReadOnlySpan<float> values, int levels, int scaleLimit, Span<byte> scales, Span<byte> minimums, Span<byte> quants)
    {
        int groups = scales.Length;
        int size = values.Length / groups;
        Span<float> groupScales = stackalloc float[groups];
        Span<float> groupMinimums = stackalloc float[groups];
        float maxScale = 0;
        float maxMinimum = 0;
        for (int j = 0; j < groups; j++)
        {
            (groupScales[j], groupMinimums[j]) = ScaleFit.Affine(values.Slice(j * size, size), levels);
            maxScale = MathF.Max(maxScale, groupScales[j]);
            maxMinimum = MathF.Max(maxMinimum, groupMinimums[j]);
        }

        float d = HalfBits.ToSingle(HalfBits.FromSingle(maxScale / scaleLimit));
        float dmin = HalfBits.ToSingle(HalfBits.FromSingle(maxMinimum / scaleLimit));
        for (int j = 0; j < groups; j++)
        {
            ReadOnlySpan<float> group = values.Slice(j * size, size);
            (int scale, int minimum) = Nearest(group, groupScales[j], groupMinimums[j], d, dmin, levels, scaleLimit);
            scales[j] = (byte)scale;
            minimums[j] = (byte)minimum;
            float inverse = d * scale == 0 ? 0 : 1 / (d * scale);
            for (int i = 0; i < size; i++)
            {
                quants[j * size + i] = (byte)Math.Clamp(MathF.Round((group[i] + dmin * minimum) * inverse), 0, levels);
            }
        }

        return (d, dmin);
    }

    /// <summary>
    /// Integer scale and minimum with the least error among those next to the wanted ones: rounding each by itself is not the best of both.
    /// </summary>
    private static (int Scale, int Minimum) Nearest(
        ReadOnlySpan<float> group, float wantedScale, float wantedMinimum, float d, float dmin, int levels, int limit)
    {
        int scale = Round(wantedScale, d, limit);
        int minimum = Round(wantedMinimum, dmin, limit);
        float best = float.PositiveInfinity;
        (int Scale, int Minimum) choice = (scale, minimum);
        for (int s = Math.Max(0, scale - 1); s <= Math.Min(limit, scale + 1); s++)
        {
            for (int m = Math.Max(0, minimum - 1); m <= Math.Min(limit, minimum + 1); m++)
            {
                float error = ScaleFit.AffineError(group, d * s, dmin * m, levels);
                if (error >= best) continue;
                best = error;
                choice = (s, m);
            }
        }

        return choice;
    }

    private static int Round(float wanted, float unit, int limit) => unit == 0 ? 0 : (int)Math.Clamp(MathF.Round(wanted / unit), 0, limit);
}
