namespace QuantBench.Formats.Blocks;

/// <summary>Encodes 256 values as groups with small signed integer scales under one half: what Q3_K, Q6_K and IQ4_XS share.</summary>
internal static class SymmetricSuperblock
{
    /// <summary>Chooses scales and quants.</summary>
    /// <typeparam name="TLevels">Levels of the type.</typeparam>
    /// <param name="values">[256].</param>
    /// <param name="lowestScale">Smallest integer scale, a negative power of two; the largest is <c>−lowestScale − 1</c>.</param>
    /// <param name="scales">[groups] receives the integer scales.</param>
    /// <param name="codes">[256] receives the codes of the levels.</param>
    /// <returns>The half's value: <c>x ≈ d · scale · level</c>.</returns>
    public static float Fit<TLevels>(ReadOnlySpan<float> values, int lowestScale, Span<sbyte> scales, Span<byte> codes)
        where TLevels : ILevels
    {
        int groups = scales.Length;
        int size = values.Length / groups;
        Span<float> wanted = stackalloc float[groups];
        float extreme = 0;
        for (int j = 0; j < groups; j++)
        {
            wanted[j] = ScaleFit.Symmetric<TLevels>(values.Slice(j * size, size));
            if (MathF.Abs(wanted[j]) > MathF.Abs(extreme)) extreme = wanted[j];
        }

        // The scale of largest magnitude gets the integer of largest magnitude, so d carries its sign.
        float d = HalfBits.ToSingle(HalfBits.FromSingle(extreme / lowestScale));
        for (int j = 0; j < groups; j++)
        {
            ReadOnlySpan<float> group = values.Slice(j * size, size);
            int scale = Nearest<TLevels>(group, wanted[j], d, lowestScale);
            scales[j] = (sbyte)scale;
            float inverse = d * scale == 0 ? 0 : 1 / (d * scale);
            for (int i = 0; i < size; i++) codes[j * size + i] = TLevels.Code(group[i] * inverse);
        }

        return d;
    }

    private static int Nearest<TLevels>(ReadOnlySpan<float> group, float wanted, float d, int lowest)
        where TLevels : ILevels
    {
        int middle = d == 0 ? 0 : (int)Math.Clamp(MathF.Round(wanted / d), lowest, -lowest - 1);
        int choice = middle;
        float best = float.PositiveInfinity;
        for (int s = Math.Max(lowest, middle - 1); s <= Math.Min(-lowest - 1, middle + 1); s++)
        {
            float error = ScaleFit.SymmetricError<TLevels>(group, d * s);
            if (error >= best) continue;
            best = error;
            choice = s;
        }

        return choice;
    }
}
